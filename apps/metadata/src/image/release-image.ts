import type { Sql } from '../database/database';

const below = (which = '') => `
  WITH RECURSIVE below (digest) AS (
    SELECT unnest($2::text[]) COLLATE "C"
    UNION
    SELECT next.digest FROM below, LATERAL (
      SELECT child.digest FROM manifest_child AS child WHERE child.parent = below.digest
      UNION ALL
      SELECT manifest.digest FROM manifest WHERE manifest.subject = below.digest) AS next
    JOIN repository_manifest AS visible ON visible.repository_id = $1 AND visible.digest = next.digest${which})`;

/** These, what they list and what refers to them, as far as their repository shows it. */
const TREE = below();

/** As far as it has no name of its own there: who named it wants it, and what is below it, whatever becomes of these. */
export const NAMELESS_TREE = below(`
    WHERE NOT EXISTS (SELECT FROM tag WHERE tag.repository_id = $1 AND tag.digest = next.digest)`);

/**
 * Somebody asked for these to go: that they, what they list or what refers to them came or was pulled before now keeps
 * none of it in this repository any longer, but for what has a name of its own. Tags, containers, pins and the rest still
 * do. Whoever calls this queues the reviews.
 */
export async function releaseImages(sql: Sql, repositoryId: number, digests: readonly string[]): Promise<void> {
  await sql.query(
    `${NAMELESS_TREE}
      UPDATE repository_manifest SET removed_at = clock_timestamp()
        WHERE repository_id = $1 AND digest IN (SELECT digest FROM below)`,
    [repositoryId, digests],
  );
}

/** Somebody removed this by itself: what it refers to does not keep it any more. */
export async function detachImage(sql: Sql, repositoryId: number, digest: string): Promise<void> {
  await sql.query(
    `UPDATE repository_manifest SET detached = true WHERE repository_id = $1 AND digest = $2
      AND (SELECT subject IS NOT NULL FROM manifest WHERE manifest.digest = $2)`,
    [repositoryId, digest],
  );
}

/**
 * Somebody had these back, or gave them a name: they are kept as if nobody had asked. What was removed by itself stays
 * removed.
 */
export async function keepImagesAgain(sql: Sql, repositoryId: number, digests: readonly string[]): Promise<void> {
  await sql.query(
    `${TREE}
      UPDATE repository_manifest SET removed_at = NULL, detached = false
        WHERE repository_id = $1 AND digest IN (SELECT digest FROM below) AND (digest = ANY($2) OR NOT detached)
          AND (removed_at IS NOT NULL OR detached)`,
    [repositoryId, digests],
  );
  // A container whose image had lost its last name has one to show again.
  await sql.query(
    `${TREE}
      UPDATE container SET image_removed_at = NULL
        WHERE repository_id = $1 AND image_removed_at IS NOT NULL AND digest IN (SELECT digest FROM below)`,
    [repositoryId, digests],
  );
}
