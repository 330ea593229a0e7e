import type { Sql } from '../database/database';

/** Cleanup was told to stop: nothing is removed, condemned or purged by whomever until it is resumed. */
export async function isPaused(sql: Pick<Sql, 'query'>): Promise<boolean> {
  const [row] = await sql.query<{ paused: boolean }>('SELECT gc_paused_at IS NOT NULL AS paused FROM installation');
  return row?.paused ?? true;
}

const WINDOW = `schedule WHERE kind = 'collect' AND enabled`;

/** There are schedules for collecting, and the window of none is open. */
export const RESTING = `(EXISTS (SELECT FROM ${WINDOW}) AND NOT EXISTS (
  SELECT FROM ${WINDOW} AND fired_at + (body ->> 'hours')::int * interval '1 hour' > clock_timestamp()))`;

/** Cleanup is not paused, and it is the time of the collector, which removes, condemns and purges. */
export async function mayCollect(sql: Pick<Sql, 'query'>): Promise<boolean> {
  const [row] = await sql.query<{ works: boolean }>(
    `SELECT gc_paused_at IS NULL AND NOT ${RESTING} AS works FROM installation`,
  );
  return row?.works ?? false;
}
