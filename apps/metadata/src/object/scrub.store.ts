import { Inject, Injectable } from '@nestjs/common';
import type { Scrub } from '#contracts/calls/runs';
import type { ClaimScrubs, EndScrub } from '#contracts/calls/scrubs';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { Database, type Sql } from '../database/database';
import { msUntil } from '../database/ms-until';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { type Lost, lockBlobOf, markLost } from './mark-lost';
import { sayLost } from './say-lost';

type Claimed = AnswerOf<typeof ClaimScrubs>['objects'][number];

const PARKED_MS = 60 * 60_000;

/** Those that are read next: the order of an index, of which only the first are looked at. */
const OLDEST = `
  SELECT id, verified_at FROM object WHERE state = 'live' AND lost_at IS NULL
    AND NOT EXISTS (SELECT FROM scrubbing WHERE object_id = object.id AND claimed_until > now())
  ORDER BY verified_at NULLS FIRST, id`;

/** Objects whose bytes are read again now and then: which is whose to read, and what was found. */
@Injectable()
export class ScrubStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async claim(worker: string, limit: number): Promise<AnswerOf<typeof ClaimScrubs>> {
    const everyMs = this.config.ENTREPOT_SCRUB_EVERY_MS;
    const dueInMs = everyMs === 0 ? null : await this.nextInMs(everyMs);
    if (dueInMs === null || dueInMs > 0) return { objects: [], nextInMs: dueInMs };
    const objects = await this.database.transaction('metadata.claim-scrubs', (sql) =>
      sql.query<Claimed>(CLAIM, [worker, limit, this.config.ENTREPOT_LEASE_MS, everyMs]),
    );
    return { objects, nextInMs: await this.nextInMs(everyMs) };
  }

  async renew(worker: string, objects: readonly string[]): Promise<string[]> {
    const rows = await this.database.transaction('metadata.renew-scrubs', (sql) =>
      sql.query<{ object: string }>(
        `UPDATE scrubbing SET claimed_until = now() + $3 * interval '1 millisecond'
          WHERE worker = $1 AND object_id = ANY($2) RETURNING object_id AS object`,
        [worker, objects, this.config.ENTREPOT_LEASE_MS],
      ),
    );
    return rows.map(({ object }) => object);
  }

  /** Whether it was this worker's still. */
  async end({ worker, object, found, reason }: QuestionOf<typeof EndScrub>): Promise<boolean> {
    const { isMine, lost } = await this.database.transaction('metadata.end-scrub', async (sql) => {
      await lockObject(sql, object, found === 'lost');
      const mine = await (found === 'unread' ? this.park(sql, worker, object) : endClaim(sql, worker, object));
      if (mine === undefined) return { isMine: false, lost: null };
      if (found === 'whole') await noteVerified(sql, object, mine.begun);
      return { isMine: true, lost: found === 'lost' ? await this.lose(sql, object, reason) : null };
    });
    if (lost) sayLost(object, lost, reason);
    return isMine;
  }

  /** How it stands, for people. */
  async read(sql: Pick<Sql, 'query'>): Promise<Scrub> {
    const { ENTREPOT_SCRUB_EVERY_MS: everyMs } = this.config;
    const [row] = await sql.query<ScrubRow>(READ, [everyMs]);
    const { oldest, lostAt, ...counts } = row!;
    return { everyMs, ...counts, oldest: oldest?.toISOString() ?? null, lostAt: lostAt?.toISOString() ?? null };
  }

  /** What cannot be read now holds up no other: it is nobody's for a while, and not for longer than between two readings. */
  private async park(sql: Sql, worker: string, object: string): Promise<{ begun: Date } | undefined> {
    const [mine] = await sql.query<{ begun: Date }>(
      `UPDATE scrubbing SET claimed_until = now() + $3 * interval '1 millisecond' WHERE object_id = $1 AND worker = $2
        RETURNING begun_at AS begun`,
      [object, worker, Math.min(PARKED_MS, this.config.ENTREPOT_SCRUB_EVERY_MS)],
    );
    return mine;
  }

  private async lose(sql: Sql, object: string, reason: string): Promise<Lost | null> {
    const lost = await markLost(sql, { object, reason, refetch: true }, this.config.ENTREPOT_SESSION_IDLE_MS);
    if (lost?.isNew) await sql.query('UPDATE scrub SET lost = lost + 1, lost_at = now()');
    return lost;
  }

  private async nextInMs(everyMs: number): Promise<number | null> {
    const [row] = await this.database.read<{ ms: number | null }>(
      `SELECT ${msUntil(`(SELECT coalesce(verified_at + $1 * interval '1 millisecond', now()) FROM (${OLDEST} LIMIT 1) AS next)`)}
        AS ms`,
      [everyMs],
    );
    return row?.ms ?? null;
  }
}

interface ScrubRow extends Omit<Scrub, 'everyMs' | 'oldest' | 'lostAt'> {
  readonly oldest: Date | null;
  readonly lostAt: Date | null;
}

/** What waits for its turn is never waited for: whoever has its row reads it. */
const CLAIM = `
  WITH oldest AS (${OLDEST} LIMIT $2 FOR NO KEY UPDATE OF object SKIP LOCKED),
  taken AS (
    INSERT INTO scrubbing (object_id, worker, claimed_until)
      SELECT id, $1, now() + $3 * interval '1 millisecond' FROM oldest
      WHERE verified_at IS NULL OR verified_at < now() - $4 * interval '1 millisecond'
    ON CONFLICT (object_id) DO UPDATE
      SET worker = EXCLUDED.worker, begun_at = now(), claimed_until = EXCLUDED.claimed_until
      WHERE scrubbing.claimed_until < now()
    RETURNING object_id)
  SELECT id AS object, digest, size, coalesce((
      SELECT jsonb_agg(jsonb_build_object('offset', start, 'length', length, 'key', key) ORDER BY start)
      FROM extent WHERE extent.object_id = object.id), '[]') AS extents
  FROM taken JOIN object ON object.id = object_id ORDER BY verified_at NULLS FIRST, id`;

const READ = `
  SELECT verified::float8, verified_bytes::float8 AS "verifiedBytes", lost::float8, lost_at AS "lostAt",
    (SELECT count(*)::int FROM scrubbing WHERE claimed_until > now()) AS running,
    (SELECT count(*)::int FROM (SELECT FROM object WHERE state = 'live' AND lost_at IS NULL AND $1::float8 > 0
      AND (verified_at IS NULL OR verified_at < now() - $1::float8 * interval '1 millisecond') LIMIT 10000) AS waiting) AS due,
    (SELECT verified_at FROM object WHERE state = 'live' AND lost_at IS NULL
      ORDER BY verified_at NULLS FIRST, id LIMIT 1) AS oldest
  FROM scrub`;

/** Before its claim, as purging and claiming lock it before that; its blob before it, where that is changed too. */
async function lockObject(sql: Sql, object: string, withBlob: boolean): Promise<void> {
  if (withBlob) await lockBlobOf(sql, object);
  await sql.query('SELECT 1 FROM object WHERE id = $1 FOR NO KEY UPDATE', [object]);
}

async function endClaim(sql: Sql, worker: string, object: string): Promise<{ begun: Date } | undefined> {
  const [mine] = await sql.query<{ begun: Date }>(
    'DELETE FROM scrubbing WHERE object_id = $1 AND worker = $2 RETURNING begun_at AS begun',
    [object, worker],
  );
  return mine;
}

async function noteVerified(sql: Sql, object: string, begun: Date): Promise<void> {
  await sql.query(
    `WITH verified AS (
        UPDATE object SET verified_at = greatest(verified_at, $2) WHERE id = $1 AND state = 'live' AND lost_at IS NULL
        RETURNING size)
      UPDATE scrub SET verified = scrub.verified + 1, verified_bytes = verified_bytes + size FROM verified`,
    [object, begun],
  );
}
