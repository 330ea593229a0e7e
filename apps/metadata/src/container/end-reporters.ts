import type { Sql } from '../database/database';
import { WITH_ABSENCES } from '../review/keep-reasons';
import { removeContainers } from './remove-containers';

/** When a reporter has been silent for its lease. While metadata was away nobody could report: that time does not count. */
export const REPORTER_ENDS = `reporter.reported_at + reporter.lease_ms * interval '1 millisecond'
  + ${WITH_ABSENCES('reporter.reported_at')}`;

/**
 * Has reporters go whose lease has ended, with their sets, those first that ended first; never before, and none while
 * it is quiet after an absence, or one is not noted yet. Answers how many.
 */
export async function endReporters(
  sql: Sql,
  limit: number,
  { reviewInMs, awayMs }: { reviewInMs: number; awayMs: number },
): Promise<number> {
  const silent = await sql.query<{ name: string }>(
    `SELECT name FROM reporter WHERE leased_until < now() AND ${REPORTER_ENDS} < now()
      AND EXISTS (SELECT FROM installation WHERE seen_at > now() - $2 * interval '1 millisecond'
        AND coalesce(quiet_until <= now(), true))
      ORDER BY leased_until LIMIT $1 FOR UPDATE SKIP LOCKED`,
    [limit, awayMs],
  );
  if (silent.length === 0) return 0;
  const names = silent.map(({ name }) => name);
  const rows = await sql.query<{ id: string }>('SELECT id FROM container WHERE reporter = ANY($1)', [names]);
  const ids = rows.map(({ id }) => id);
  await removeContainers(sql, ids, { reviewInMs });
  await sql.query('DELETE FROM reporter WHERE name = ANY($1)', [names]);
  return names.length;
}
