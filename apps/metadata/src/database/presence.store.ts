import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { Database } from './database';

/**
 * Downtime is no age. While metadata (or its database) was away nobody could renew a lease or be counted as a pull:
 * so nothing is condemned or purged for one longest lease after, and retention leaves that time out.
 */
@Injectable()
export class PresenceStore implements OnModuleInit, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beat().catch(() => undefined), this.config.ENTREPOT_BEAT_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Says that metadata is here, and notes an absence that has ended. Answers how long it is quiet still, in milliseconds. */
  async beat(): Promise<number> {
    const { ENTREPOT_AWAY_MS: away, ENTREPOT_QUIET_MS: quiet } = this.config;
    const rows = await this.database.transaction('metadata.note-presence', async (sql) => {
      await sql.query('SELECT 1 FROM installation FOR UPDATE');
      await sql.query(
        `INSERT INTO absence (began_at, ended_at) SELECT seen_at, clock_timestamp() FROM installation
          WHERE seen_at < clock_timestamp() - $1 * interval '1 millisecond' ON CONFLICT DO NOTHING`,
        [away],
      );
      return sql.query<{ ms: number }>(
        `UPDATE installation SET seen_at = clock_timestamp(), quiet_until = CASE
            WHEN seen_at < clock_timestamp() - $1 * interval '1 millisecond'
            THEN clock_timestamp() + $2 * interval '1 millisecond' ELSE quiet_until END
          RETURNING greatest(0, extract(epoch FROM coalesce(quiet_until, seen_at) - clock_timestamp()) * 1000)::float8
            AS ms`,
        [away, quiet],
      );
    });
    return Math.ceil(rows[0]?.ms ?? 0);
  }
}
