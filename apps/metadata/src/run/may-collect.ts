import type { Sql } from '../database/database';

/** Cleanup was told to stop: nothing is removed, condemned or purged by whomever until it is resumed. */
export async function isPaused(sql: Pick<Sql, 'query'>): Promise<boolean> {
  const [row] = await sql.query<{ paused: boolean }>('SELECT gc_paused_at IS NOT NULL AS paused FROM installation');
  return row?.paused ?? true;
}

const WINDOW = `schedule WHERE kind = 'collect' AND enabled`;

/** There are schedules for collecting, the window of none is open, and nothing that was removed for good may wait. */
export const RESTING = `(EXISTS (SELECT FROM ${WINDOW}) AND NOT EXISTS (
  SELECT FROM ${WINDOW} AND fired_at + (body ->> 'hours')::int * interval '1 hour' > clock_timestamp())
  AND NOT EXISTS (SELECT FROM installation WHERE gc_awake_until > clock_timestamp()))`;

/** The collector does not rest for so many milliseconds, or for longer if that was said before. */
export async function keepAwake(sql: Pick<Sql, 'query'>, ms: number): Promise<void> {
  await sql.query(
    `UPDATE installation SET gc_awake_until =
      greatest(gc_awake_until, clock_timestamp() + $1 * interval '1 millisecond')`,
    [ms],
  );
}

/** Cleanup is not paused, and it is the time of the collector, which removes, condemns and purges. */
export async function mayCollect(sql: Pick<Sql, 'query'>): Promise<boolean> {
  const [row] = await sql.query<{ works: boolean }>(
    `SELECT gc_paused_at IS NULL AND NOT ${RESTING} AS works FROM installation`,
  );
  return row?.works ?? false;
}
