import { ContainerRemoved } from '#contracts/facts';
import type { Sql } from '../database/database';
import { recordFacts } from '../outbox/outbox.store';
import { queueManifestReviews } from '../review/queue-reviews';
import { CONTAINER_COLUMNS, type ContainerRow, factOf, WITH_REPOSITORY } from './container-rows';

/**
 * Removes containers by their ids, whatever they do, with their facts. Their images stay: they lose a reason to, and
 * are reviewed in `reviewInMs` milliseconds. Answers those that were there.
 */
export async function removeContainers(
  sql: Sql,
  ids: readonly string[],
  { reviewInMs }: { reviewInMs: number },
): Promise<ContainerRow[]> {
  if (ids.length === 0) return [];
  await sql.query('SELECT FROM container WHERE id = ANY($1) ORDER BY id FOR UPDATE', [ids]);
  const gone = await sql.query<ContainerRow>(
    `WITH gone AS (DELETE FROM container WHERE id = ANY($1) RETURNING *)
      SELECT ${CONTAINER_COLUMNS} FROM gone AS container ${WITH_REPOSITORY}
      ORDER BY container.id`,
    [ids],
  );
  const facts = gone.map((row) => ({ aggregate: row.id, data: factOf(row) }));
  await recordFacts(sql, ContainerRemoved, facts);
  await releaseUsed(sql, gone, reviewInMs);
  return gone;
}

/** Their images lose a reason to stay. */
export async function releaseUsed(
  sql: Sql,
  rows: readonly Pick<ContainerRow, 'repositoryId' | 'digest'>[],
  reviewInMs: number,
): Promise<void> {
  const repositories = [...new Set(rows.map(({ repositoryId }) => repositoryId))].sort((a, b) => a - b);
  for (const repositoryId of repositories) {
    const digests = rows.flatMap((row) => (row.repositoryId === repositoryId ? [row.digest] : []));
    await queueManifestReviews(sql, repositoryId, [...new Set(digests)], reviewInMs);
  }
}
