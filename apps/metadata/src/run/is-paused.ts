import type { Sql } from '../database/database';

/** Cleanup was told to stop: nothing is removed, condemned or purged by whomever until it is resumed. */
export async function isPaused(sql: Pick<Sql, 'query'>): Promise<boolean> {
  const [row] = await sql.query<{ paused: boolean }>('SELECT gc_paused_at IS NOT NULL AS paused FROM installation');
  return row?.paused ?? true;
}
