import type { Sql } from '../database/database';
import type { NamedRemoval } from '../operation/operation-rows';
import type { StandingImage } from './plan-removal';

/**
 * How an image stands that the caller has locked in its repository; the containers that use it are locked with it.
 * Undefined where it is there no longer. Names that came since the operation was accepted are told apart.
 */
export async function readStanding(
  sql: Sql,
  { repositoryId, digest, tag }: NamedRemoval,
  operation: string,
): Promise<StandingImage | undefined> {
  await sql.query(`${BELOW} ${USING} ORDER BY c.id FOR UPDATE OF c`, [repositoryId, digest]);
  const [row] = await sql.query<StandingImage & { readonly tagNames: string | null }>(STANDING, [
    repositoryId,
    digest,
    tag,
    operation,
  ]);
  return row && { ...row, tagNames: tag === null ? undefined : row.tagNames };
}

/** An image ($2) and what it holds, as `below`. */
export const BELOW = `
  WITH RECURSIVE below AS (
    SELECT $2::text COLLATE "C" AS digest
    UNION
    SELECT c.held FROM below b JOIN manifest_child c ON c.parent = b.digest WHERE c.held IS NOT NULL
  )`;

const USING = `
  SELECT c.id FROM container c JOIN below b ON b.digest = c.digest WHERE c.repository_id = $1`;

/** Whether a row of `tag` is as it was when this operation was accepted. */
export const namedBefore = (operation: string) =>
  `tag.moved_at <= (SELECT accepted_at FROM operation WHERE operation.id = ${operation})`;

const STANDING = `${BELOW}
  SELECT r.name AS repository, rm.digest, r.upstream IS NULL AS "isLocal",
    ARRAY(SELECT name FROM tag WHERE repository_id = $1 AND digest = $2 ORDER BY name) AS tags,
    ARRAY(SELECT name FROM tag WHERE repository_id = $1 AND digest = $2 AND NOT ${namedBefore('$4')} ORDER BY name) AS newer,
    (SELECT digest FROM tag WHERE repository_id = $1 AND name = $3) AS "tagNames",
    coalesce((SELECT json_agg(json_build_object('id', c.id, 'name', c.name, 'state', c.state, 'reporter', c.reporter)
        ORDER BY c.name)
      FROM container c JOIN below b ON b.digest = c.digest WHERE c.repository_id = $1), '[]') AS containers,
    ARRAY(SELECT c.parent FROM manifest_child c JOIN repository_manifest above
      ON above.repository_id = $1 AND above.digest = c.parent WHERE c.held = $2
        AND (above.removed_at IS NULL
          OR EXISTS (SELECT FROM tag WHERE tag.repository_id = $1 AND tag.digest = c.parent))
      ORDER BY c.parent) AS parents
  FROM repository r JOIN repository_manifest rm ON rm.repository_id = r.id
  WHERE r.id = $1 AND rm.digest = $2`;
