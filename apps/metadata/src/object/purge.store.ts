import { Inject, Injectable } from '@nestjs/common';
import type { ClaimPurges } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import { BlobPurged } from '#contracts/facts';
import { Database, type Sql } from '../database/database';
import { msUntil } from '../database/ms-until';
import { PresenceStore } from '../database/presence.store';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { recordFacts } from '../outbox/outbox.store';
import { mayCollect } from '../run/may-collect';
import { noteCollected } from '../run/note-run';
import { endComposingsOf } from './discard-targets';

/** Ended fills are kept this long, in milliseconds: operations that waited for them say why they failed. */
const FILLS_KEPT_MS = 24 * 60 * 60 * 1000;

/** Condemned objects and dead uploads on their way out. Only what is committed as purging is ever named to be deleted. */
@Injectable()
export class PurgeStore {
  constructor(
    private readonly database: Database,
    private readonly presence: PresenceStore,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Nothing while cleanup is paused or rests, a restored database waits for its reconcile, or metadata was just away. */
  async claim(limit: number): Promise<AnswerOf<typeof ClaimPurges>> {
    const quietMs = await this.presence.beat();
    if (quietMs > 0) return { objects: [], nextInMs: quietMs };
    if (!(await this.database.snapshot(mayCollect)) || (await this.isRestored()))
      return { objects: [], nextInMs: null };
    await this.database.transaction('metadata.end-objects', async (sql) => {
      await endExpiredSessions(sql, limit);
      await endCondemned(sql, limit);
      await sql.query(
        `DELETE FROM fill WHERE id = ANY(ARRAY(SELECT id FROM fill WHERE ended_at < now() - $2 * interval '1 millisecond'
          ORDER BY ended_at LIMIT $1 FOR UPDATE SKIP LOCKED))`,
        [limit, FILLS_KEPT_MS],
      );
    });
    const objects = await this.claimPurging(limit);
    return { objects, nextInMs: objects.length === limit ? 0 : await this.nextInMs() };
  }

  /** The storage said that their bytes are gone; of `failed` others it did not, for a reason. */
  async forget(objects: readonly string[], failed = 0, lastError: string | null = null): Promise<number> {
    return this.database.transaction('metadata.forget-objects', async (sql) => {
      const gone = await sql.query<{ object: string; bytes: number }>(
        `WITH stored AS (SELECT object_id, sum(length)::bigint AS bytes FROM extent WHERE object_id = ANY($1) GROUP BY 1)
          DELETE FROM object WHERE id = ANY($1) AND state = 'purging' RETURNING id AS object,
            coalesce((SELECT bytes FROM stored WHERE stored.object_id = id), 0) AS bytes`,
        [objects],
      );
      const facts = gone.map((data) => ({ aggregate: data.object, data }));
      await recordFacts(sql, BlobPurged, facts);
      const purgedBytes = gone.reduce((sum, { bytes }) => sum + bytes, 0);
      await noteCollected(sql, { purged: gone.length, purgedBytes, errors: failed, lastError });
      return gone.length;
    });
  }

  private async isRestored(): Promise<boolean> {
    const [row] = await this.database.read<{ restored: boolean }>(
      'SELECT generation <> reconciled_generation AS restored FROM installation',
    );
    return row?.restored ?? true;
  }

  /** Named again when nobody said in time that they are gone: deleting twice is harmless. */
  private async claimPurging(limit: number): Promise<{ object: string; bytes: number }[]> {
    return this.database.transaction('metadata.claim-purges', (sql) =>
      sql.query(
        `UPDATE object SET claimed_until = now() + $2 * interval '1 millisecond' WHERE id = ANY(ARRAY(
            SELECT id FROM object WHERE state = 'purging' AND coalesce(claimed_until, '-infinity') < now()
            ORDER BY claimed_until NULLS FIRST LIMIT $1 FOR UPDATE SKIP LOCKED))
          RETURNING id AS object,
            coalesce((SELECT sum(length)::bigint FROM extent WHERE object_id = object.id), 0) AS bytes`,
        [limit, this.config.ENTREPOT_PURGE_CLAIM_MS],
      ),
    );
  }

  private async nextInMs(): Promise<number | null> {
    const [row] = await this.database.read<{ ms: number | null }>(
      `SELECT ${msUntil(`least(
          (SELECT min(purge_after) FROM object WHERE state = 'condemned' AND purge_after > now()),
          (SELECT min(until) FROM lease WHERE until > now()),
          (SELECT min(expires_at) FROM upload_session WHERE expires_at > now()),
          (SELECT min(claimed_until) FROM object WHERE state = 'purging' AND claimed_until > now()))`)} AS ms`,
    );
    return row?.ms ?? null;
  }
}

/** An upload that ran out, with its epoch: whoever still writes it finds no session. */
async function endExpiredSessions(sql: Sql, limit: number): Promise<void> {
  const expired = await sql.query<{ id: string }>(
    `SELECT id FROM upload_session WHERE expires_at < now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
    [limit],
  );
  await purgeUnleased(
    sql,
    expired.map((session) => session.id),
    'uploading',
  );
  await sql.query(
    `DELETE FROM upload_session USING object WHERE object.id = object_id AND state = 'purging' AND object_id = ANY($1)`,
    [expired.map((session) => session.id)],
  );
}

async function endCondemned(sql: Sql, limit: number): Promise<void> {
  const over = await sql.query<{ id: string }>(
    `SELECT id FROM object WHERE state = 'condemned' AND purge_after < now()
      AND NOT EXISTS (SELECT FROM lease WHERE object_id = object.id AND until > now())
      ORDER BY purge_after LIMIT $1 FOR UPDATE SKIP LOCKED`,
    [limit],
  );
  const ids = over.map((object) => object.id);
  await purgeUnleased(sql, ids, 'condemned');
  await endComposingsOf(sql, ids);
}

/** Leases are read after the object's row was locked, as whoever takes one locks it. */
async function purgeUnleased(sql: Sql, ids: readonly string[], from: 'uploading' | 'condemned'): Promise<void> {
  await sql.query('SELECT 1 FROM object WHERE id = ANY($1) ORDER BY id FOR UPDATE', [ids]);
  await sql.query(
    `UPDATE object SET state = 'purging', claimed_until = NULL WHERE id = ANY($1) AND state = $2
      AND NOT EXISTS (SELECT FROM lease WHERE object_id = object.id AND until > now())`,
    [ids, from],
  );
}
