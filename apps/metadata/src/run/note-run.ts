import { v7 as uuidv7 } from 'uuid';
import { GcEnded, GcStarted } from '#contracts/facts';
import type { Sql } from '../database/database';
import { recordFact } from '../outbox/outbox.store';
import { RESTING } from './may-collect';
import { type RunRow, toRun } from './run-rows';

/** What a transaction did; written in it, so that a report adds up whatever dies. Sizes are bytes. */
export interface Tally {
  readonly seen?: number;
  readonly kept?: Readonly<Record<string, number>> | undefined;
  readonly removed?: number;
  readonly removedBytes?: number;
  readonly condemned?: number;
  readonly condemnedBytes?: number;
  readonly purged?: number;
  readonly purgedBytes?: number;
  readonly errors?: number;
  readonly lastError?: string | null;
}

/** The counts $2 to $11, as the columns have them. */
const COLUMNS =
  'seen, kept, removed, removed_bytes, condemned, condemned_bytes, purged, purged_bytes, errors, last_error';

function countsOf(tally: Tally): unknown[] {
  const { seen = 0, kept = {}, removed = 0, removedBytes = 0, condemned = 0, condemnedBytes = 0 } = tally;
  const { purged = 0, purgedBytes = 0, errors = 0, lastError = null } = tally;
  const took = [removed, removedBytes, condemned, condemnedBytes, purged, purgedBytes];
  return [seen, JSON.stringify(kept), ...took, errors, lastError];
}

const ADDED = `
  seen = gc_run.seen + added.seen, removed = gc_run.removed + added.removed,
  removed_bytes = gc_run.removed_bytes + added.removed_bytes,
  condemned = gc_run.condemned + added.condemned, condemned_bytes = gc_run.condemned_bytes + added.condemned_bytes,
  purged = gc_run.purged + added.purged, purged_bytes = gc_run.purged_bytes + added.purged_bytes,
  errors = gc_run.errors + added.errors, last_error = coalesce(added.last_error, gc_run.last_error),
  active_at = clock_timestamp(),
  kept = coalesce((SELECT jsonb_object_agg(key, n) FROM (
    SELECT key, sum(value::bigint) AS n FROM (
      SELECT * FROM jsonb_each_text(gc_run.kept) UNION ALL SELECT * FROM jsonb_each_text(added.kept)) AS each
    GROUP BY key) AS sums), '{}')`;

/** Adds to the collection that is under way, or begins one. Last in its transaction: others wait for its row. */
export async function noteCollected(sql: Sql, tally: Tally): Promise<void> {
  if (!tally.seen && !tally.purged && !tally.errors) return;
  const [run] = await sql.query<{ id: string; began: boolean }>(
    `INSERT INTO gc_run (id, kind, ${COLUMNS}) VALUES ($1, 'collection', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
      ON CONFLICT (kind) WHERE kind = 'collection' AND ended_at IS NULL DO UPDATE SET
        ${ADDED.replaceAll('added.', 'EXCLUDED.')} RETURNING id, xmax = 0 AS began`,
    [uuidv7(), ...countsOf(tally)],
  );
  if (run!.began) await recordFact(sql, GcStarted, run!.id, { run: run!.id, kind: 'collection' });
}

/** A prune's run has the id of its operation. */
export async function beginPrune(sql: Sql, operation: string, plan: string, tally: Tally): Promise<void> {
  await sql.query(
    `INSERT INTO gc_run (id, kind, ${COLUMNS}, plan_id) VALUES ($1, 'prune', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [operation, ...countsOf(tally), plan],
  );
  await recordFact(sql, GcStarted, operation, { run: operation, kind: 'prune' });
}

export async function notePruned(sql: Sql, operation: string, tally: Tally): Promise<void> {
  await sql.query(
    `UPDATE gc_run SET ${ADDED} FROM (SELECT $2::bigint AS seen, $3::jsonb AS kept, $4::bigint AS removed,
        $5::bigint AS removed_bytes, $6::bigint AS condemned, $7::bigint AS condemned_bytes, $8::bigint AS purged,
        $9::bigint AS purged_bytes, $10::bigint AS errors, $11::text AS last_error) AS added
      WHERE gc_run.id = $1`,
    [operation, ...countsOf(tally)],
  );
}

/**
 * Ends the run of a prune as its operation ends; of another operation there is none. What it did not come to was kept,
 * because it ended so.
 */
export async function endPrune(
  sql: Sql,
  operation: string,
  state: 'completed' | 'failed' | 'cancelled',
  error: string | null = null,
): Promise<void> {
  const [run] = await sql.query<RunRow>(
    `UPDATE gc_run SET state = $2, ended_at = clock_timestamp(), last_error = coalesce($3, last_error),
        errors = errors + ($3::text IS NOT NULL)::int,
        kept = CASE WHEN open.items = 0 THEN kept ELSE kept || jsonb_build_object($2::text, open.items) END
      FROM (SELECT count(*) AS items FROM plan_item
        WHERE plan_id = (SELECT plan_id FROM gc_run WHERE id = $1) AND state = 'planned') AS open
      WHERE id = $1 AND ended_at IS NULL RETURNING *`,
    [operation, state, error],
  );
  if (run) await recordEnd(sql, run);
}

/** A prune that a schedule asked for and that was refused is a run too: one that took nothing, and says why. */
export async function noteRefused(sql: Sql, operation: string, error: string): Promise<void> {
  const [run] = await sql.query<RunRow>(
    `INSERT INTO gc_run (id, kind, state, ended_at, errors, last_error)
      VALUES ($1, 'prune', 'failed', clock_timestamp(), 1, $2) ON CONFLICT DO NOTHING RETURNING *`,
    [operation, error],
  );
  if (run) await recordEnd(sql, run);
}

/**
 * Something that is due, or on its way out, keeps it open, whoever works on it, until the collector rests. Answers whether
 * it ended one.
 */
export async function endCollection(sql: Sql): Promise<boolean> {
  const [run] = await sql.query<RunRow>(
    `UPDATE gc_run SET state = 'completed', ended_at = clock_timestamp()
      WHERE kind = 'collection' AND ended_at IS NULL
        AND (${RESTING} OR (NOT EXISTS (SELECT FROM review WHERE due_at <= now())
          AND NOT EXISTS (SELECT FROM object WHERE state = 'purging'))) RETURNING *`,
  );
  if (run) await recordEnd(sql, run);
  return run !== undefined;
}

async function recordEnd(sql: Sql, row: RunRow): Promise<void> {
  const { id, kind, state, seen, removed, removedBytes, condemned, condemnedBytes, ...more } = toRun(row);
  const { purged, purgedBytes, errors, lastError } = more;
  const counts = { seen, removed, removedBytes, condemned, condemnedBytes, purged, purgedBytes, errors, lastError };
  await recordFact(sql, GcEnded, id, { run: id, kind, state, ...counts });
}
