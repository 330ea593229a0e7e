import type { Sql } from '../database/database';

export interface KeepReasons {
  /** A reason whose end queues a review by itself: a tag, an operation that has not ended, a container. */
  readonly kept: boolean;
  /** When the last of the reasons that end by time will end, as Postgres wrote it; null where there is none. */
  readonly until: string | null;
}

/**
 * A manifest and all that it stays for in a repository: the indexes that list it, the subject it refers to, and
 * theirs. Each is visited once, since they may keep each other in a circle; what counts is whether a root is reached.
 */
export async function readAbove(sql: Sql, repositoryId: number, digest: string): Promise<string[]> {
  const rows = await sql.query<{ digest: string }>(
    `WITH RECURSIVE above (digest) AS (
        SELECT $2::text COLLATE "C"
        UNION
        SELECT next.digest FROM above, LATERAL (
          SELECT parent AS digest FROM manifest_child AS child WHERE child.digest = above.digest
          UNION ALL
          SELECT subject FROM manifest WHERE manifest.digest = above.digest AND subject IS NOT NULL) AS next
        JOIN repository_manifest AS visible ON visible.repository_id = $1 AND visible.digest = next.digest)
      SELECT digest FROM above`,
    [repositoryId, digest],
  );
  return rows.map((row) => row.digest);
}

/** The time that metadata was away since then does not count. */
const WITH_ABSENCES = (since: string) => `coalesce((
  SELECT sum(ended_at - greatest(began_at, ${since})) FROM absence WHERE ended_at > ${since}), interval '0')`;

/**
 * Why any of these manifests, which the caller has locked, stays in its repository. `keepMs`: how long untagged or
 * cached content lives after it came or was last pulled, unless somebody asked for it to go since.
 */
export async function readReasons(
  sql: Sql,
  repositoryId: number,
  digests: readonly string[],
  keepMs: number,
): Promise<KeepReasons> {
  const [row] = await sql.query<{ kept: boolean; until: string | null }>(
    `SELECT
        EXISTS (SELECT FROM tag WHERE repository_id = $1 AND digest = ANY($2))
        OR EXISTS (SELECT FROM container WHERE repository_id = $1 AND digest = ANY($2))
        OR EXISTS (SELECT FROM operation_manifest
          WHERE repository_id = $1 AND digest = ANY($2) AND NOT ended) AS kept,
        nullif(greatest(now(),
          (SELECT max(until) FROM pin WHERE kind = 'manifest' AND repository_id = $1 AND digest = ANY($2)),
          (SELECT max(until) FROM trash WHERE repository_id = $1 AND digest = ANY($2)),
          (SELECT max(used + $3 * interval '1 millisecond' + ${WITH_ABSENCES('used')})
            FROM repository_manifest LEFT JOIN pull_count USING (repository_id, digest),
              LATERAL (SELECT greatest(committed_at, pulled_at) AS used) AS last
            WHERE repository_id = $1 AND digest = ANY($2) AND used > coalesce(removed_at, '-infinity'))
        ), now())::text AS until`,
    [repositoryId, digests, keepMs],
  );
  return row!;
}
