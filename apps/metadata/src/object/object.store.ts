import { Inject, Injectable } from '@nestjs/common';
import type { ReadObject } from '#contracts/calls/sessions';
import type { AnswerOf } from '#contracts/define-call';
import { blobUnknown } from '#oci/registry-error';
import { Database } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { markLost } from './mark-lost';
import { sayLost } from './say-lost';

/** Stored bytes by their id: as a reader needs them. */
@Injectable()
export class ObjectStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** From condemned to purging. */
  get graceMs(): number {
    return this.config.ENTREPOT_GRACE_MS;
  }

  /** Throws BLOB_UNKNOWN for what is being purged or gone. */
  async read(id: string): Promise<AnswerOf<typeof ReadObject>> {
    const [row] = await this.database.read<AnswerOf<typeof ReadObject>>(
      `SELECT state, coalesce(object.digest, expected_digest) AS digest, coalesce(size, expected_size) AS size,
          lost_at IS NOT NULL AS lost, CASE WHEN state = 'uploading' THEN writer END AS writer, coalesce((
            SELECT jsonb_agg(jsonb_build_object('offset', start, 'length', length, 'key', key) ORDER BY start)
            FROM extent WHERE extent.object_id = object.id), '[]') AS extents
        FROM object LEFT JOIN upload_session ON upload_session.object_id = object.id
        WHERE object.id = $1 AND state <> 'purging'`,
      [id],
    );
    if (row === undefined) throw blobUnknown(id);
    return row;
  }

  /** Purge waits until then: at most the cap after the first. The object's row is locked, as purging locks it. */
  async lease(id: string, holder: string, forMs: number): Promise<Date> {
    return this.database.transaction('metadata.lease-object', async (sql) => {
      const here = await sql.query(`SELECT 1 FROM object WHERE id = $1 AND state <> 'purging' FOR NO KEY UPDATE`, [id]);
      if (here.length === 0) throw blobUnknown(id);
      const [lease] = await sql.query<{ until: Date }>(
        `INSERT INTO lease (object_id, holder, until) VALUES ($1, $2, now() + least($3::float8, $4::float8) * interval '1 millisecond')
          ON CONFLICT (object_id, holder) DO UPDATE
            SET until = least(EXCLUDED.until, lease.since + $4::float8 * interval '1 millisecond') RETURNING until`,
        [id, holder, forMs, this.config.ENTREPOT_READ_LEASE_CAP_MS],
      );
      return lease!.until;
    });
  }

  async release(id: string, holder: string): Promise<void> {
    await this.database.transaction('metadata.release-object', (sql) =>
      sql.query('DELETE FROM lease WHERE object_id = $1 AND holder = $2', [id, holder]),
    );
  }

  /** Answers the upstream that it comes from again, if one was asked. */
  async markLost(object: string, reason: string, refetch = false): Promise<string | null> {
    const lost = await this.database.transaction('metadata.mark-lost', (sql) =>
      markLost(sql, { object, reason, refetch }, this.config.ENTREPOT_SESSION_IDLE_MS),
    );
    if (lost) sayLost(object, lost, reason);
    return lost?.refetching ?? null;
  }
}
