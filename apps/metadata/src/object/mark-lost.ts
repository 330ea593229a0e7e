import { BlobLost } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { readShownImages, type ShownImage } from '../blob/shown-images';
import { wantFills } from '../blob/want-fills';
import type { Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { recordFact } from '../outbox/outbox.store';

/** As many manifests, and images of them, as are named where bytes are lost. */
const NAMED = 20;

export interface Loss {
  readonly object: string;
  readonly reason: string;
  /** Whether what an upstream gave is to come again at once. */
  readonly refetch: boolean;
}

export interface Lost {
  readonly digest: Digest;
  /** False where it was known before. */
  readonly isNew: boolean;
  readonly images: readonly LostImage[];
  readonly refetching: string | null;
}

interface LostImage {
  readonly repository: string;
  readonly digest: Digest;
  readonly tags: string[];
}

interface LostRow {
  readonly digest: Digest;
  readonly size: number;
  readonly isNew: boolean;
}

/**
 * By its id, never by its digest: a newer object may be there. The digest answers 404 until another object is swapped in.
 * Null for an object that is on its way in or out.
 */
export async function markLost(sql: Sql, loss: Loss, idleMs: number): Promise<Lost | null> {
  const { object, reason } = loss;
  if (!(await lockBlobOf(sql, object))) return null;
  const [lost] = await sql.query<LostRow>(MARK, [object]);
  if (lost === undefined) return null;
  const { digest, size, isNew } = lost;
  const refetching = loss.refetch ? await fetchAgain(sql, object, lost, idleMs) : null;
  const images = isNew ? await readImages(sql, digest) : [];
  if (isNew) await recordFact(sql, BlobLost, digest, { digest, size, object, reason, images, refetching });
  return { digest, isNew, images, refetching };
}

/** Whether the object is known to have a digest. */
export async function lockBlobOf(sql: Sql, object: string): Promise<boolean> {
  const [known] = await sql.query<{ digest: string }>(
    'SELECT digest FROM object WHERE id = $1 AND digest IS NOT NULL',
    [object],
  );
  if (known === undefined) return false;
  await lockBlobs(sql, [known.digest]);
  return true;
}

const MARK = `
  UPDATE object SET lost_at = coalesce(object.lost_at, now()) FROM object AS before
  WHERE object.id = $1 AND before.id = object.id AND object.state IN ('live', 'condemned')
  RETURNING object.digest, object.size, before.lost_at IS NULL AS "isNew"`;

interface SourceRow {
  readonly repository_id: number;
  readonly upstream: string;
  readonly credential: string;
}

/** From where it was committed last, but first from where it was not asked for in vain. What it is swapped for is verified. */
const FIND_SOURCE = `
  SELECT visible.repository_id, visible.upstream, visible.credential
  FROM blob JOIN manifest_blob AS listed ON listed.held = blob.digest AND listed.size = blob.size
  JOIN repository_manifest AS visible ON visible.digest = listed.manifest AND visible.upstream IS NOT NULL
  JOIN repository_blob AS given ON given.repository_id = visible.repository_id AND given.digest = blob.digest
  WHERE blob.object_id = $1
  ORDER BY EXISTS (SELECT FROM fill WHERE fill.digest = blob.digest AND fill.upstream = visible.upstream
    AND fill.credential = visible.credential AND fill.state = 'failed' AND fill.ended_at IS NOT NULL), committed_at DESC
  LIMIT 1`;

/** Answers its upstream; null where none gave it, or where the digest names other bytes by now. */
async function fetchAgain(sql: Sql, object: string, { digest, size }: LostRow, idleMs: number): Promise<string | null> {
  const [source] = await sql.query<SourceRow>(FIND_SOURCE, [object]);
  if (source === undefined) return null;
  await wantFills(sql, source.repository_id, source, [{ digest, size }], { idleMs });
  return source.upstream;
}

/** Some images that list it, and some of their tags. */
async function readImages(sql: Sql, digest: Digest): Promise<LostImage[]> {
  const listing = await sql.query<{ manifest: Digest }>(
    'SELECT manifest FROM manifest_blob WHERE held = $1 ORDER BY manifest LIMIT $2',
    [digest, NAMED],
  );
  const shown = await readShownImages(
    { read: (text, params) => sql.query(text, params) },
    listing.map(({ manifest }) => manifest),
  );
  return [...shown].flatMap(([manifest, images]) => images.map((image) => toLost(manifest, image))).slice(0, NAMED);
}

const toLost = (manifest: Digest, { repository, index, tags }: ShownImage): LostImage => ({
  repository,
  digest: index ?? manifest,
  tags,
});
