import type { Sql } from '../database/database';

/**
 * Somebody asked for these to go: that they, what they list or what refers to them came or was pulled before now keeps
 * none of it in this repository any longer. Tags, containers, pins and the rest still do. Whoever calls this queues
 * the reviews.
 */
export async function releaseImages(sql: Sql, repositoryId: number, digests: readonly string[]): Promise<void> {
  await sql.query(
    `WITH RECURSIVE below (digest) AS (
        SELECT unnest($2::text[]) COLLATE "C"
        UNION
        SELECT next.digest FROM below, LATERAL (
          SELECT child.digest FROM manifest_child AS child WHERE child.parent = below.digest
          UNION ALL
          SELECT manifest.digest FROM manifest WHERE manifest.subject = below.digest) AS next
        JOIN repository_manifest AS visible ON visible.repository_id = $1 AND visible.digest = next.digest)
      UPDATE repository_manifest SET removed_at = clock_timestamp()
        WHERE repository_id = $1 AND digest IN (SELECT digest FROM below)`,
    [repositoryId, digests],
  );
}
