import type { Sql } from '../database/database';

/*
 * Reviews are never dropped: whoever takes a reason to stay away queues one in the same transaction. An earlier due
 * time wins; a review that comes too early finds the reason that is left and waits for its end. DO UPDATE, never DO
 * NOTHING: it waits for a reviewer that holds the row, and raises `seq`, so that the row outlives that review.
 */
const AGAIN = `ON CONFLICT (kind, repository_id, digest)
  DO UPDATE SET due_at = LEAST(review.due_at, EXCLUDED.due_at), seq = review.seq + 1`;

/** `inMs` from now, in milliseconds. */
export async function queueManifestReviews(
  sql: Sql,
  repositoryId: number,
  digests: readonly string[],
  inMs: number,
): Promise<void> {
  if (digests.length === 0) return;
  await sql.query(
    `INSERT INTO review (kind, repository_id, digest, due_at)
      SELECT 'manifest', $1, digest, now() + $3 * interval '1 millisecond'
      FROM (SELECT DISTINCT unnest($2::text[]) AS digest ORDER BY digest) AS sorted ${AGAIN}`,
    [repositoryId, digests, inMs],
  );
}

/** `inMs` from now, in milliseconds. */
export async function queueBlobReviews(sql: Sql, digests: readonly string[], inMs: number): Promise<void> {
  if (digests.length === 0) return;
  await sql.query(
    `INSERT INTO review (kind, digest, due_at)
      SELECT 'blob', digest, now() + $2 * interval '1 millisecond'
      FROM (SELECT DISTINCT unnest($1::text[]) AS digest ORDER BY digest) AS sorted ${AGAIN}`,
    [digests, inMs],
  );
}
