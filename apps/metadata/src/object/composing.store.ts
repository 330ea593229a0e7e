import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ClaimComposings } from '#contracts/calls/composing';
import type { Extent } from '#contracts/calls/sessions';
import type { AnswerOf } from '#contracts/define-call';
import { Database, type Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { msUntil } from '../database/ms-until';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { newUploadId } from '../upload/begin-upload';
import { discardTargets, endComposings } from './discard-targets';

type Claimed = AnswerOf<typeof ClaimComposings>['composings'][number];

interface Composing {
  readonly source: string;
  readonly digest: string;
}

/** What can be claimed: its object is live, and its bytes are there. */
const CLAIMABLE = `composing JOIN object ON object.id = source_id AND state = 'live' AND lost_at IS NULL
  WHERE target_id IS NULL`;

/**
 * Objects of many keys on their way to one key: a new object that is swapped in. Its row is committed before its bytes,
 * and its id is given to one claim only: a command of a claim that was taken over names an object that is purging.
 */
@Injectable()
export class ComposingStore {
  private readonly log = new Logger('Objects');

  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async claim(worker: string, limit: number): Promise<AnswerOf<typeof ClaimComposings>> {
    await this.endExpired(limit);
    const composings = await this.database.transaction('metadata.claim-composings', async (sql) => {
      const due = await sql.query<{ source: string }>(
        `SELECT source_id AS source FROM ${CLAIMABLE} AND due_at <= now() ORDER BY due_at LIMIT $1
          FOR UPDATE OF composing SKIP LOCKED`,
        [limit],
      );
      const sources = due.map((each) => each.source);
      return sources.length === 0 ? [] : this.begin(sql, worker, sources);
    });
    return { composings, nextInMs: await this.nextInMs() };
  }

  async renew(targets: readonly string[]): Promise<string[]> {
    const rows = await this.database.transaction('metadata.renew-composings', (sql) =>
      sql.query<{ target: string }>(
        `UPDATE composing SET claimed_until = now() + $2 * interval '1 millisecond' WHERE target_id = ANY($1)
          RETURNING target_id AS target`,
        [targets, this.config.ENTREPOT_LEASE_MS],
      ),
    );
    return rows.map((row) => row.target);
  }

  /** Whether the target was swapped in, now or before; else it is purging or gone. */
  async swap(target: string, extent: Extent): Promise<boolean> {
    return this.database.transaction('metadata.swap-object', async (sql) => {
      const composing = await lockComposing(sql, target);
      if (composing === null) return wasSwappedIn(sql, target);
      await sql.query('DELETE FROM composing WHERE source_id = $1', [composing.source]);
      const may = await mayReplace(sql, composing, target, extent);
      await (may ? this.replace(sql, composing, target, extent) : discardTargets(sql, [target]));
      return may;
    });
  }

  /** Whether the target is purging or gone: one that was swapped in by a command whose answer was lost stays. */
  async fail(target: string, reason: string): Promise<boolean> {
    return this.database.transaction('metadata.fail-composing', async (sql) => {
      await sql.query('SELECT 1 FROM object WHERE id = $1 FOR UPDATE', [target]);
      const sources = await endComposings(sql, [target], this.config, false);
      for (const source of sources) this.log.warn(`object ${source} was not composed, and is due again: ${reason}`);
      const [left] = await sql.query(`SELECT 1 FROM object WHERE id = $1 AND state <> 'purging'`, [target]);
      return left === undefined;
    });
  }

  /** Attempts whose workers died: what they made goes, and their sources are due again. */
  private async endExpired(limit: number): Promise<void> {
    const expired = await this.database.read<{ target: string }>(
      `SELECT target_id AS target FROM composing WHERE target_id IS NOT NULL AND claimed_until < now()
        ORDER BY claimed_until LIMIT $1`,
      [limit],
    );
    if (expired.length === 0) return;
    const targets = expired.map((each) => each.target);
    await this.database.transaction('metadata.end-composings', async (sql) => {
      await sql.query('SELECT 1 FROM object WHERE id = ANY($1) ORDER BY id FOR UPDATE', [targets]);
      await endComposings(sql, targets, this.config, true);
    });
  }

  private async begin(sql: Sql, worker: string, sources: readonly string[]): Promise<Claimed[]> {
    const targets = sources.map(newUploadId);
    await sql.query(`INSERT INTO object (id, state) SELECT unnest($1::uuid[]), 'uploading'`, [targets]);
    return sql.query<Claimed>(
      `UPDATE composing SET target_id = target, worker = $3, attempts = attempts + 1,
          claimed_until = now() + $4 * interval '1 millisecond'
        FROM unnest($1::uuid[], $2::uuid[]) AS claim (source, target) JOIN object ON object.id = source
        WHERE source_id = source
        RETURNING source, target, attempts, digest, size, (
          SELECT jsonb_agg(jsonb_build_object('offset', start, 'length', length, 'key', key) ORDER BY start)
          FROM extent WHERE object_id = source) AS extents`,
      [sources, targets, worker, this.config.ENTREPOT_LEASE_MS],
    );
  }

  /** Its bytes are the source's, and were verified when those were: a scrub is as due as it was. */
  private async replace(sql: Sql, { source, digest }: Composing, target: string, extent: Extent): Promise<void> {
    const { length, key } = extent;
    await sql.query('INSERT INTO extent (object_id, start, length, key) VALUES ($1, 0, $2, $3)', [target, length, key]);
    await sql.query(
      `UPDATE object SET state = 'live', digest = source.digest, size = source.size, verified_at = source.verified_at
        FROM object AS source WHERE object.id = $1 AND source.id = $2`,
      [target, source],
    );
    await sql.query('UPDATE blob SET object_id = $2 WHERE digest = $1', [digest, target]);
    await sql.query(
      `UPDATE object SET state = 'condemned', purge_after = now() + $2 * interval '1 millisecond' WHERE id = $1`,
      [source, this.config.ENTREPOT_GRACE_MS],
    );
  }

  private async nextInMs(): Promise<number | null> {
    const [row] = await this.database.read<{ ms: number | null }>(
      `SELECT ${msUntil(`least(
          (SELECT due_at FROM ${CLAIMABLE} ORDER BY due_at LIMIT 1),
          (SELECT min(claimed_until) FROM composing WHERE target_id IS NOT NULL))`)} AS ms`,
    );
    return row?.ms ?? null;
  }
}

/** The attempt, with its digest, both its objects and its own row locked; null once it has ended. */
async function lockComposing(sql: Sql, target: string): Promise<Composing | null> {
  const [known] = await sql.query<Composing>(
    `SELECT source_id AS source, digest FROM composing JOIN object ON object.id = source_id WHERE target_id = $1`,
    [target],
  );
  if (known === undefined) return null;
  await lockBlobs(sql, [known.digest], 'UPDATE');
  await sql.query('SELECT 1 FROM object WHERE id = ANY($1) ORDER BY id FOR UPDATE', [[known.source, target]]);
  const still = await sql.query('SELECT 1 FROM composing WHERE target_id = $1 FOR UPDATE', [target]);
  return still.length === 0 ? null : known;
}

/** Read after locking: what the digest names meanwhile, and whether those bytes are known to be lost. */
async function mayReplace(sql: Sql, { source, digest }: Composing, target: string, extent: Extent): Promise<boolean> {
  const rows = await sql.query(
    `SELECT 1 FROM blob JOIN object AS source ON source.id = blob.object_id JOIN object AS target ON target.id = $3
      WHERE blob.digest = $1 AND blob.object_id = $2 AND source.state = 'live' AND source.lost_at IS NULL
        AND target.state = 'uploading' AND blob.size = $4 AND $5 = 0`,
    [digest, source, target, extent.length, extent.offset],
  );
  return rows.length > 0;
}

async function wasSwappedIn(sql: Sql, target: string): Promise<boolean> {
  const rows = await sql.query(`SELECT 1 FROM object WHERE id = $1 AND state IN ('live', 'condemned')`, [target]);
  return rows.length > 0;
}
