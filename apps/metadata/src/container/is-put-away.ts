import type { Sql } from '../database/database';
import type { HeldImage } from '../image/image-name.store';

/**
 * Whether somebody asked for an image to go, and nothing names, pulled or used it since: it may come back by being
 * pulled or restored, and not by a digest that somebody remembers.
 */
export async function isPutAway(sql: Sql, { repositoryId, digest }: HeldImage): Promise<boolean> {
  const [row] = await sql.query<{ away: boolean }>(
    `SELECT greatest(committed_at, pulled_at) <= removed_at
        AND NOT EXISTS (SELECT FROM tag WHERE repository_id = $1 AND digest = $2)
        AND NOT EXISTS (SELECT FROM container WHERE repository_id = $1 AND digest = $2) AS away
      FROM repository_manifest LEFT JOIN pull_count USING (repository_id, digest)
      WHERE repository_id = $1 AND digest = $2`,
    [repositoryId, digest],
  );
  return row?.away ?? false;
}
