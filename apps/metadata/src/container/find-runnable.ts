import type { Digest } from '#oci/digest';
import { DOCKER_CONFIG, OCI_CONFIG } from '#oci/media-type';
import { formatPlatform, matchesPlatform, type Platform } from '#oci/platform';
import { invalidField, unsupported } from '#oci/registry-error';
import type { Sql } from '../database/database';
import type { HeldImage } from '../image/image-name.store';
import { chooseImage, type ListedChild } from './choose-image';

export interface AskedPlatform {
  readonly platform: Platform;
  /** Said by who asks: an image that is known to be for another one is refused. */
  readonly isSaid: boolean;
}

interface ManifestRow {
  readonly kind: 'image' | 'index' | 'other';
  readonly platform: Partial<Platform> | null;
  readonly config: string | null;
  readonly missing: number;
}

/** An index of indexes of indexes is nobody's image. */
const DEEPEST = 4;

/**
 * The image manifest that a container of this image runs, if all of it is here; null where some is missing. The caller
 * has locked the image (`lockVisible`), and so what it holds. Throws INVALID for a platform that it is not built for,
 * UNSUPPORTED for what is no image.
 */
export async function findRunnable(sql: Sql, image: HeldImage, asked: AskedPlatform): Promise<Digest | null> {
  const { repositoryId } = image;
  let { digest } = image;
  for (let depth = 0; depth < DEEPEST; depth += 1) {
    const [manifest] = await sql.query<ManifestRow>(READ, [repositoryId, digest]);
    if (!manifest) return null;
    if (manifest.kind === 'image') {
      refuseOther(image, manifest, asked);
      return manifest.missing === 0 ? digest : null;
    }
    if (manifest.kind === 'other') throw noImage(image);
    digest = chooseImage(await readChildren(sql, digest), asked.platform).digest;
  }
  throw noImage(image);
}

const noImage = ({ repository, digest }: HeldImage) =>
  unsupported(`${repository}@${digest} is no image that a container runs`);

function refuseOther(image: HeldImage, { config, platform }: ManifestRow, asked: AskedPlatform): void {
  if (config !== OCI_CONFIG && config !== DOCKER_CONFIG) throw noImage(image);
  if (!asked.isSaid || !platform?.os || !platform.architecture) return;
  const offered = { ...platform, os: platform.os, architecture: platform.architecture };
  if (matchesPlatform(asked.platform, offered)) return;
  throw invalidField('platform', `the image is for ${formatPlatform(offered)}, not ${formatPlatform(asked.platform)}`);
}

async function readChildren(sql: Sql, parent: string): Promise<(ListedChild & { digest: Digest })[]> {
  const rows = await sql.query<ListedChild & { digest: Digest; platform: Platform | null }>(
    `SELECT digest, media_type AS "mediaType", platform, annotations FROM manifest_child WHERE parent = $1
      ORDER BY position`,
    [parent],
  );
  return rows.map(({ platform, ...child }) => ({ ...child, ...(platform?.os ? { platform } : {}) }));
}

const READ = `
  SELECT kind, platform,
    (SELECT media_type FROM manifest_blob WHERE manifest = $2 AND role = 'config' LIMIT 1) AS config,
    (SELECT count(*)::int FROM manifest_blob AS listed WHERE manifest = $2 AND required AND NOT EXISTS (
      SELECT FROM repository_blob AS given JOIN blob ON blob.digest = given.digest AND blob.size = listed.size
      JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
      WHERE given.repository_id = $1 AND given.digest = listed.digest)) AS missing
  FROM repository_manifest AS visible JOIN manifest USING (digest)
  WHERE visible.repository_id = $1 AND visible.digest = $2`;
