import type { Sql } from '../database/database';
import { WITH_ABSENCES } from '../review/keep-reasons';
import { removeContainers } from './remove-containers';

/** When a reporter has been silent for its lease. While metadata was away nobody could report: that time does not count. */
export const REPORTER_ENDS = `reporter.reported_at + reporter.lease_ms * interval '1 millisecond'
  + ${WITH_ABSENCES('reporter.reported_at')}`;

/**
 * Has the reporter go whose lease ended first, with its set; never before that end, and none while it is quiet after an
 * absence, or one is not noted yet. One alone, since a set may be large. Answers how many.
 */
export async function endReporter(
  sql: Sql,
  { reviewInMs, awayMs }: { reviewInMs: number; awayMs: number },
): Promise<number> {
  const [silent] = await sql.query<{ name: string }>(
    `SELECT name FROM reporter WHERE leased_until < now() AND ${REPORTER_ENDS} < now()
      AND EXISTS (SELECT FROM installation WHERE seen_at > now() - $1 * interval '1 millisecond'
        AND coalesce(quiet_until <= now(), true))
      ORDER BY leased_until LIMIT 1 FOR UPDATE SKIP LOCKED`,
    [awayMs],
  );
  if (!silent) return 0;
  const rows = await sql.query<{ id: string }>('SELECT id FROM container WHERE reporter = $1', [silent.name]);
  const ids = rows.map(({ id }) => id);
  await removeContainers(sql, ids, { reviewInMs });
  await sql.query('DELETE FROM reporter WHERE name = $1', [silent.name]);
  return 1;
}
