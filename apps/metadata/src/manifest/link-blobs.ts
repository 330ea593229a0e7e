import type { Source } from '#contracts/calls/manifests';
import { upstreamFault } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { noteRights } from '../journal/note-journal';

/*
 * Who may have bytes that are here already. An upstream run by an attacker can claim any digest, so a fetched
 * manifest gets a right to held bytes only where the same upstream gave them to the same credential, or where a
 * repository has them that anyone may read: an upstream's that is not private. Otherwise they are downloaded again.
 */
const MAY_LINK = (digest: string, upstream: string, credential: string) => `EXISTS (
  SELECT FROM repository_blob AS given JOIN repository AS giver ON giver.id = given.repository_id
  WHERE given.digest = ${digest} AND (
    (given.upstream = ${upstream} AND given.credential = ${credential})
    OR (giver.upstream IS NOT NULL AND NOT giver.is_private)))`;

/** Gives a repository the right to those of these digests that are usable and that its source may link. */
export async function linkBlobs(
  sql: Sql,
  repositoryId: number,
  source: Source,
  digests: readonly string[],
): Promise<void> {
  await sql.query(
    `WITH given AS (INSERT INTO repository_blob (repository_id, digest, upstream, credential)
      SELECT $1, blob.digest, $2, $3 FROM blob JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
      WHERE blob.digest = ANY($4) AND ${MAY_LINK('blob.digest', '$2', '$3')}
      ORDER BY blob.digest ON CONFLICT DO NOTHING RETURNING *) ${noteRights('given')}`,
    [repositoryId, source.upstream, source.credential, digests],
  );
}

/** Gives the right to a digest that was just stored to every fetched repository that waits for it and may have it. */
export async function linkWaiting(sql: Sql, digest: string): Promise<void> {
  await sql.query(
    `WITH given AS (INSERT INTO repository_blob (repository_id, digest, upstream, credential)
      SELECT DISTINCT ON (visible.repository_id) visible.repository_id, $1::text, visible.upstream, visible.credential
      FROM manifest_blob AS listed JOIN repository_manifest AS visible ON visible.digest = listed.manifest
      WHERE listed.digest = $1 AND visible.upstream IS NOT NULL
        AND ${MAY_LINK('$1', 'visible.upstream', 'visible.credential')}
      ORDER BY visible.repository_id ON CONFLICT DO NOTHING RETURNING *) ${noteRights('given')}`,
    [digest],
  );
}

/** `held(manifest, digest)`: the bytes are here, and a repository that shows the manifest has the right to them. */
const HAS_RIGHT = `EXISTS (
  SELECT FROM repository_manifest AS visible
  JOIN repository_blob AS given ON given.repository_id = visible.repository_id AND given.digest = manifest_blob.digest
  WHERE visible.digest = manifest_blob.manifest)`;

const IS_SHOWN = `EXISTS (SELECT FROM repository_manifest AS visible WHERE visible.digest = manifest_blob.manifest)`;

/**
 * Sets `held` wherever these digests, which the caller has locked, have become the manifest's. A manifest that says
 * another size than the bytes have never holds them.
 */
export async function holdListed(sql: Sql, digests: readonly string[]): Promise<void> {
  await sql.query(
    `UPDATE manifest_blob SET held = manifest_blob.digest FROM blob
      WHERE manifest_blob.digest = ANY($1) AND held IS NULL AND blob.digest = manifest_blob.digest
        AND blob.size = manifest_blob.size AND ${HAS_RIGHT}`,
    [digests],
  );
}

/** Refuses a manifest that says another size of a blob than its bytes have here. Throws UPSTREAM. */
export async function refuseOtherSizes(
  sql: Sql,
  repositoryId: number,
  manifest: string,
  upstream: string,
): Promise<void> {
  const [wrong] = await sql.query<{ digest: string; said: number; size: number }>(
    `SELECT listed.digest, listed.size AS said, blob.size FROM manifest_blob AS listed
      JOIN blob ON blob.digest = listed.digest AND blob.size <> listed.size
      JOIN repository_blob AS given ON given.repository_id = $1 AND given.digest = listed.digest
      WHERE manifest = $2 ORDER BY position LIMIT 1`,
    [repositoryId, manifest],
  );
  if (!wrong) return;
  throw upstreamFault(
    upstream,
    `its manifest says that ${wrong.digest} has ${wrong.said} bytes, and it has ${wrong.size}`,
  );
}

/**
 * A manifest has left a repository, and others may show it: takes `held` back of what none of these has the right to.
 * Only so does a manifest lose it: while a repository shows it, its right to what it lists does not end.
 */
export async function releaseBlobs(sql: Sql, manifest: string): Promise<void> {
  const held = await sql.query<{ held: string }>(
    `SELECT held FROM manifest_blob WHERE manifest = $1 AND held IS NOT NULL AND ${IS_SHOWN} AND NOT ${HAS_RIGHT}`,
    [manifest],
  );
  if (held.length === 0) return;
  // Whoever gives the right does so, and sets `held`, under a lock of the blob: what was read before it decides nothing.
  const digests = held.map((row) => row.held);
  await lockBlobs(sql, digests, 'UPDATE');
  await sql.query(
    `UPDATE manifest_blob SET held = NULL WHERE manifest = $1 AND held IS NOT NULL AND NOT ${HAS_RIGHT}`,
    [manifest],
  );
}

/** Puts condemned bytes back for a repository that still has the right to them: only from condemned, never if lost. */
export async function resurrect(sql: Sql, repositoryId: number, digests: readonly string[]): Promise<void> {
  const found = await sql.query<{ id: string; digest: string; size: number }>(
    `SELECT DISTINCT ON (object.digest) object.id, object.digest, object.size FROM object
      JOIN repository_blob AS given ON given.repository_id = $1 AND given.digest = object.digest
      WHERE object.digest = ANY($2) AND object.state = 'condemned' AND object.lost_at IS NULL
        AND NOT EXISTS (SELECT FROM blob WHERE blob.digest = object.digest)
      ORDER BY object.digest, object.purge_after DESC`,
    [repositoryId, digests],
  );
  for (const { id, digest, size } of found) {
    const back = await sql.query(
      `UPDATE object SET state = 'live', purge_after = NULL WHERE id = $1 AND state = 'condemned' RETURNING id`,
      [id],
    );
    if (back.length === 0) continue;
    await sql.query('INSERT INTO blob (digest, object_id, size) VALUES ($1, $2, $3)', [digest, id, size]);
  }
}
