import type { BlobReferences } from '#contracts/calls/references';
import type { Digest } from '#oci/digest';
import type { Database } from '../database/database';

export type ShownImage = BlobReferences['manifests'][number]['images'][number];

interface ShownRow extends ShownImage {
  readonly manifest: Digest;
}

/** As many images of one manifest as are named, and as many tags of one. */
const MOST = 20;

/** Which images these manifests are, or are part of, by repository: some of each, where there are many. */
export async function readShownImages(
  database: Pick<Database, 'read'>,
  manifests: readonly Digest[],
): Promise<Map<Digest, ShownImage[]>> {
  const rows = manifests.length === 0 ? [] : await database.read<ShownRow>(SHOWN_IMAGES, [manifests, MOST]);
  const images = new Map<Digest, ShownImage[]>();
  for (const { manifest, ...image } of rows) images.set(manifest, [...(images.get(manifest) ?? []), image]);
  return images;
}

/** Row by row, from the indexes (OFFSET 0 says so): few manifests are asked for, of very many. */
export const SHOWN_IMAGES = `
  SELECT asked.manifest, repository.name AS repository, part.index, ARRAY(
    SELECT tag.name FROM tag WHERE tag.repository_id = shown.repository_id AND tag.digest = coalesce(part.index, asked.manifest)
    LIMIT $2) AS tags
  FROM unnest($1::text[]) AS asked (manifest)
  CROSS JOIN LATERAL (SELECT repository_id FROM repository_manifest WHERE digest = asked.manifest LIMIT $2) AS shown
  CROSS JOIN LATERAL (SELECT name FROM repository WHERE id = shown.repository_id OFFSET 0) AS repository
  LEFT JOIN LATERAL (
    SELECT child.parent AS index FROM manifest_child AS child WHERE child.held = asked.manifest AND EXISTS (
      SELECT FROM repository_manifest AS above WHERE above.repository_id = shown.repository_id AND above.digest = child.parent)
    LIMIT $2
  ) AS part ON true
  ORDER BY asked.manifest, repository.name, part.index`;
