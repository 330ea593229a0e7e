import type { Digest } from '#oci/digest';
import { type Manifest, type ManifestReferences, manifestReferences } from '#oci/manifest';
import { DOCKER_CONFIG, OCI_CONFIG } from '#oci/media-type';
import type { Sql } from '../database/database';
import { lockFamily, lockManifests } from '../database/locks';
import { replaceUnfit } from '../database/storable-json';

export interface ReadManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  readonly references: ManifestReferences;
}

export const readReferences = (digest: Digest, bytes: Uint8Array, manifest: Manifest): ReadManifest => ({
  digest,
  bytes,
  manifest,
  references: manifestReferences(manifest),
});

const storable = (value: object | undefined) => (value === undefined ? null : JSON.stringify(replaceUnfit(value)));

/**
 * Makes a manifest's row if it is new, and locks it with those of its children that are here: none of them goes until
 * the caller's transaction ends.
 */
export async function lockManifest(sql: Sql, read: ReadManifest): Promise<void> {
  const children = read.references.children.map((child) => child.digest);
  await lockFamily(sql, read.digest, children);
  for (;;) {
    await insertRow(sql, read);
    const locked = await lockManifests(sql, [read.digest, ...children]);
    // A reviewer may have taken it away while the lock was waited for.
    if (locked.includes(read.digest)) return;
  }
}

async function insertRow(sql: Sql, { digest, bytes, manifest, references }: ReadManifest): Promise<void> {
  await sql.query(
    `INSERT INTO manifest (digest, media_type, kind, bytes, subject, artifact_type, annotations)
      VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (digest) DO NOTHING`,
    [
      digest,
      manifest.mediaType,
      manifest.kind,
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      references.subject?.digest ?? null,
      manifest.artifactType === undefined ? null : replaceUnfit(manifest.artifactType),
      storable(manifest.annotations),
    ],
  );
}

/** What it lists, as rows. They follow from its bytes, and so are written once. */
export async function writeReferences(sql: Sql, { digest, references }: ReadManifest): Promise<void> {
  const { blobs, children } = references;
  await sql.query(
    `INSERT INTO manifest_blob (manifest, digest, position, role, media_type, size, required)
      SELECT $1, * FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::boolean[])
      ON CONFLICT DO NOTHING`,
    [
      digest,
      blobs.map((blob) => blob.descriptor.digest),
      blobs.map((_, position) => position),
      blobs.map((blob) => blob.role),
      blobs.map((blob) => blob.descriptor.mediaType),
      blobs.map((blob) => blob.descriptor.size),
      blobs.map((blob) => !blob.foreign),
    ],
  );
  await sql.query(
    `INSERT INTO image_config (manifest) SELECT $1 WHERE EXISTS (SELECT FROM manifest_blob
        WHERE manifest = $1 AND role = 'config' AND media_type = ANY($2)) ON CONFLICT DO NOTHING`,
    [digest, [OCI_CONFIG, DOCKER_CONFIG]],
  );
  await sql.query(
    `INSERT INTO manifest_child (parent, digest, position, media_type, size, platform, artifact_type, annotations)
      SELECT $1, * FROM unnest($2::text[], $3::int[], $4::text[], $5::bigint[], $6::jsonb[], $7::text[], $8::jsonb[])
      ON CONFLICT DO NOTHING`,
    [
      digest,
      children.map((child) => child.digest),
      children.map((_, position) => position),
      children.map((child) => child.mediaType),
      children.map((child) => child.size),
      children.map((child) => storable(child.platform)),
      children.map((child) => child.artifactType ?? null),
      children.map((child) => storable(child.annotations)),
    ],
  );
}

/** A repository that shows both a parent and its child. */
const TOGETHER = `EXISTS (
  SELECT FROM repository_manifest AS above JOIN repository_manifest AS below ON below.repository_id = above.repository_id
  WHERE above.digest = manifest_child.parent AND below.digest = manifest_child.digest)`;

/** An index holds a child where a repository shows both: whichever of them came first, and until one of them goes. */
export async function holdChildren(sql: Sql, digest: Digest): Promise<void> {
  await sql.query(
    `UPDATE manifest_child SET held = digest WHERE (parent = $1 OR digest = $1) AND held IS NULL AND ${TOGETHER}`,
    [digest],
  );
}

export async function releaseChildren(sql: Sql, digest: Digest): Promise<void> {
  await sql.query(
    `UPDATE manifest_child SET held = NULL WHERE (parent = $1 OR digest = $1) AND held IS NOT NULL AND NOT ${TOGETHER}`,
    [digest],
  );
}
