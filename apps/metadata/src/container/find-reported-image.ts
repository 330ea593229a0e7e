import type { ReportedContainer } from '#contracts/bodies/container-report';
import { isRegistryError } from '#oci/registry-error';
import type { Sql } from '../database/database';
import type { HeldImage, ImageNameStore } from '../image/image-name.store';
import type { ImageName } from '../image/read-image-name';

export type ReportedImage = HeldImage & { readonly tag: string | null };

type Reading = Pick<Sql, 'query'>;
type Named = NonNullable<ImageName['named']>;

/**
 * What is held here of what a reporter says it runs; null where nothing is. A digest counts more than a name, whose tag
 * may have moved since. What runs is in use however many images it may be of: in the repository that is named if one of
 * them is there, else in any.
 */
export async function findReportedImage(
  sql: Reading,
  names: ImageNameStore,
  { image, digest }: Pick<ReportedContainer, 'image' | 'digest'>,
): Promise<ReportedImage | null> {
  const name = readName(names, image);
  const said = digest ?? name?.named?.digest ?? null;
  if (said !== null) return findHolding(sql, said, name?.named ?? null);
  if (!name) return null;
  const found = await orNone(names.find(sql, image));
  if (found || name.id === null) return found;
  return findHolding(sql, name.id, null);
}

/** One of the images that an id means, or how one id begins. */
async function findHolding(sql: Reading, id: string, named: Named | null): Promise<ReportedImage | null> {
  const { repository = null, tag = null, digest = null } = named ?? {};
  const [found] = await sql.query<HeldImage>(HOLDING, [id, `${id}g`, repository, tag, digest]);
  return found ? { ...found, tag: found.repository === repository ? tag : null } : null;
}

/**
 * An id is a manifest's or an index's digest, or that of a config: then what is meant is the manifest that has it, or an
 * index that lists that. First come those that have it in the same repository, then what is in the one that is named
 * ($3), then what its tag ($4) or digest ($5) names, then what has a tag, and an index before what it lists.
 */
export const HOLDING = `
  WITH meant AS (
    SELECT digest AS id, digest, digest AS below FROM manifest WHERE digest >= $1 AND digest < $2
    UNION
    SELECT listed.digest, above.digest, listed.manifest FROM manifest_blob AS listed
    CROSS JOIN LATERAL (
      SELECT listed.manifest AS digest UNION ALL SELECT parent FROM manifest_child WHERE held = listed.manifest
    ) AS above
    WHERE listed.role = 'config' AND listed.digest >= $1 AND listed.digest < $2
  ), held AS (
    SELECT visible.repository_id, repository.name, visible.digest, meant.id, meant.below
    FROM meant JOIN repository_manifest AS visible ON visible.digest = meant.digest
    JOIN repository ON repository.id = visible.repository_id
  )
  SELECT repository_id AS "repositoryId", name AS repository, digest FROM held
  WHERE (SELECT count(DISTINCT id) FROM held) = 1
  ORDER BY EXISTS (SELECT FROM repository_manifest AS own
      WHERE own.repository_id = held.repository_id AND own.digest = held.below) DESC,
    coalesce(name = $3, false) DESC,
    coalesce(digest = $5, false) DESC,
    EXISTS (SELECT FROM tag WHERE tag.repository_id = held.repository_id AND tag.name = $4 AND tag.digest = held.digest) DESC,
    EXISTS (SELECT FROM tag WHERE tag.repository_id = held.repository_id AND tag.digest = held.digest) DESC,
    digest <> below DESC, name, digest
  LIMIT 1`;

async function orNone<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (isRegistryError(error, 'NOT_FOUND', 'CONFLICT', 'INVALID')) return null;
    throw error;
  }
}

function readName(names: ImageNameStore, text: string): ImageName | undefined {
  try {
    return names.readName(text, 'image');
  } catch {
    return undefined;
  }
}
