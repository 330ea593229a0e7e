import { digestAlgorithm, digestOf } from '#oci/digest';
import { parseManifest } from '#oci/manifest';
import { isRegistryError } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { lockBlobs, lockForRemoval, lockTags, lockVisible } from '../database/locks';
import { keepImagesAgain, releaseImages } from '../image/release-image';
import { noteManifests } from '../journal/note-journal';
import { holdListed, releaseBlobs, resurrect } from '../manifest/link-blobs';
import {
  holdChildren,
  lockManifest,
  type ReadManifest,
  readReferences,
  releaseChildren,
  writeReferences,
} from '../manifest/write-manifest';
import { findRepository } from '../names/repository.store';
import { readAbove, readReasons } from '../review/keep-reasons';
import { queueBlobReviews, queueManifestReviews } from '../review/queue-reviews';
import type { Word, WordOf } from './parse-word';

export interface ReplayTimes {
  readonly keepPulledMs: number;
  readonly reviewDelayMs: number;
}

/**
 * Does again what the journal says, as of then, and says nothing of it to the journal, which has it, nor in facts, which
 * were sent. What was said of a name later than that stands. Doing a word twice changes nothing. Answers false
 * where it passes over a manifest, whose bytes are not what they were, or are none to this program.
 */
export async function replayWord(sql: Sql, word: Word, times: ReplayTimes): Promise<boolean> {
  const read = word.kind === 'manifest' ? readManifest(word) : undefined;
  if (read === null) return false;
  if (word.kind === 'repository') await replayRepository(sql, word);
  const repositoryId = await findRepository(sql, word.repository);
  if (repositoryId === undefined) return true;
  if (word.kind === 'manifest' && read) await replayManifest(sql, repositoryId, word, read, times);
  if (word.kind === 'manifest-removed') await replayRemoval(sql, repositoryId, word, times);
  if (word.kind === 'tag' || word.kind === 'tag-removed') await replayTag(sql, repositoryId, word, times);
  if (word.kind === 'rights') await replayRights(sql, repositoryId, word, times);
  if (word.kind === 'rights-ended') await replayEndedRights(sql, repositoryId, word);
  return true;
}

async function replayRepository(sql: Sql, { repository, upstream, private: isPrivate, at }: WordOf<'repository'>) {
  await sql.query(
    `INSERT INTO repository (name, upstream, is_private, created_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (name) DO UPDATE SET is_private = true WHERE EXCLUDED.is_private AND NOT repository.is_private`,
    [repository, upstream, isPrivate, at],
  );
}

/** Undefined for one that had gone before it was written down, and so has no bytes; that it went is said after. */
function readManifest({ digest, mediaType, bytes: text }: WordOf<'manifest'>): ReadManifest | null | undefined {
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (digestOf(bytes, digestAlgorithm(digest)) !== digest) return null;
  try {
    return readReferences(digest, bytes, parseManifest(bytes, mediaType));
  } catch (error) {
    if (isRegistryError(error)) return null;
    throw error;
  }
}

async function replayManifest(
  sql: Sql,
  repositoryId: number,
  { repository, digest, upstream, credential, at }: WordOf<'manifest'>,
  read: ReadManifest,
  { keepPulledMs }: ReplayTimes,
): Promise<void> {
  if (await wasSaidLater(sql, { kind: 'manifest-removed', repository, digest }, at)) return;
  await lockManifest(sql, read);
  await sql.query(
    `INSERT INTO repository_manifest AS visible (repository_id, digest, upstream, credential, committed_at)
      VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repository_id, digest) DO UPDATE
        SET upstream = EXCLUDED.upstream, credential = EXCLUDED.credential, detached = false
        WHERE (visible.upstream, visible.credential) IS DISTINCT FROM (EXCLUDED.upstream, EXCLUDED.credential)`,
    [repositoryId, digest, upstream, credential, at],
  );
  await queueManifestReviews(sql, repositoryId, [digest], keepPulledMs);
  const digests = read.references.blobs.map((blob) => blob.descriptor.digest);
  await lockBlobs(sql, digests);
  await writeReferences(sql, read);
  await resurrect(sql, repositoryId, digests);
  await holdListed(sql, digests);
  await holdChildren(sql, digest);
}

/** It goes at once, unless something here keeps it: then the journal is told that it stays. */
async function replayRemoval(
  sql: Sql,
  repositoryId: number,
  { repository, digest, at }: WordOf<'manifest-removed'>,
  { keepPulledMs }: ReplayTimes,
): Promise<void> {
  if (await wasSaidLater(sql, { kind: 'manifest', repository, digest }, at)) return;
  await lockForRemoval(sql, [{ repositoryId, digest }]);
  const shown = await sql.query(
    'UPDATE repository_manifest SET removed_at = now() WHERE repository_id = $1 AND digest = $2 RETURNING 1',
    [repositoryId, digest],
  );
  if (shown.length === 0) return;
  const above = await readAbove(sql, repositoryId, digest);
  const { keptBy, until } = await readReasons(sql, repositoryId, above, keepPulledMs);
  if (keptBy !== null || until !== null) {
    await queueManifestReviews(sql, repositoryId, [digest], 0);
    await sql.query(
      `WITH stays AS (SELECT * FROM repository_manifest WHERE repository_id = $1 AND digest = $2)
        ${noteManifests('stays')}`,
      [repositoryId, digest],
    );
    return;
  }
  await hide(sql, repositoryId, digest);
}

async function hide(sql: Sql, repositoryId: number, digest: WordOf<'manifest-removed'>['digest']): Promise<void> {
  const listed = await sql.query<{ digest: string }>('SELECT digest FROM manifest_blob WHERE manifest = $1', [digest]);
  const below = await sql.query<{ digest: string }>(
    `SELECT digest FROM manifest_child WHERE parent = $1 UNION SELECT digest FROM manifest WHERE subject = $1`,
    [digest],
  );
  await sql.query(`DELETE FROM pin WHERE kind = 'manifest' AND digest = $2 AND repository_id = $1`, [
    repositoryId,
    digest,
  ]);
  await sql.query('DELETE FROM repository_manifest WHERE repository_id = $1 AND digest = $2', [repositoryId, digest]);
  await sql.query(`DELETE FROM review WHERE kind = 'manifest' AND repository_id = $1 AND digest = $2`, [
    repositoryId,
    digest,
  ]);
  await releaseChildren(sql, digest);
  await releaseBlobs(sql, digest);
  await sql.query(
    `DELETE FROM manifest WHERE digest = $1
      AND NOT EXISTS (SELECT FROM repository_manifest AS visible WHERE visible.digest = manifest.digest)`,
    [digest],
  );
  await queueManifestReviews(
    sql,
    repositoryId,
    below.map((each) => each.digest),
    0,
  );
  await queueBlobReviews(
    sql,
    listed.map((each) => each.digest),
    0,
  );
}

/** With its history. A tag of what is not here names nothing: what it named went, and where it moved then is said after. */
async function replayTag(
  sql: Sql,
  repositoryId: number,
  word: WordOf<'tag' | 'tag-removed'>,
  { reviewDelayMs }: ReplayTimes,
): Promise<void> {
  const { tag, at, principal, repository } = word;
  const digest = word.kind === 'tag' ? word.digest : null;
  await lockTags(sql, repositoryId, [tag]);
  const { from, isKnown } = await readMoves(sql, repositoryId, word, digest);
  if (isKnown || (await wasSaidLater(sql, { repository, tag }, at))) return;
  const isHere = digest !== null && (await lockVisible(sql, repositoryId, [digest])).length > 0;
  await writeTag(sql, repositoryId, word, isHere ? digest : null);
  await sql.query(
    `INSERT INTO tag_move (repository_id, name, from_digest, to_digest, principal, moved_at)
      VALUES ($1, $2, $3, $4, $5, $6)`,
    [repositoryId, tag, from, digest, principal, at],
  );
  if (isHere) await keepImagesAgain(sql, repositoryId, [digest]);
  if (from === null) return;
  if (digest === null) await releaseNameless(sql, repositoryId, from);
  await queueManifestReviews(sql, repositoryId, [from], reviewDelayMs);
}

/** Where it moved last, and whether this is among its moves. */
async function readMoves(
  sql: Sql,
  repositoryId: number,
  { tag, at }: WordOf<'tag' | 'tag-removed'>,
  digest: string | null,
): Promise<{ from: string | null; isKnown: boolean }> {
  const [found] = await sql.query<{ from: string | null; isKnown: boolean }>(
    `SELECT (SELECT to_digest FROM tag_move WHERE repository_id = $1 AND name = $2 ORDER BY id DESC LIMIT 1) AS "from",
      EXISTS (SELECT FROM tag_move WHERE repository_id = $1 AND name = $2 AND moved_at = $3
        AND to_digest IS NOT DISTINCT FROM $4) AS "isKnown"`,
    [repositoryId, tag, at, digest],
  );
  return found!;
}

async function writeTag(
  sql: Sql,
  repositoryId: number,
  { tag, at }: WordOf<'tag' | 'tag-removed'>,
  digest: string | null,
): Promise<void> {
  if (digest === null) {
    await sql.query('DELETE FROM tag WHERE repository_id = $1 AND name = $2', [repositoryId, tag]);
    return;
  }
  await sql.query(
    `INSERT INTO tag (repository_id, name, digest, moved_at, asked_at)
      SELECT $1, $2, $3, $4::timestamptz, CASE WHEN upstream IS NOT NULL THEN $4::timestamptz END
      FROM repository WHERE id = $1
      ON CONFLICT (repository_id, name) DO UPDATE
        SET digest = EXCLUDED.digest, moved_at = EXCLUDED.moved_at, asked_at = EXCLUDED.asked_at`,
    [repositoryId, tag, digest, at],
  );
}

/** Somebody took the last name of it away, and so asked for it to go. */
async function releaseNameless(sql: Sql, repositoryId: number, digest: string): Promise<void> {
  const named = await sql.query('SELECT 1 FROM tag WHERE repository_id = $1 AND digest = $2 LIMIT 1', [
    repositoryId,
    digest,
  ]);
  if (named.length === 0) await releaseImages(sql, repositoryId, [digest]);
}

async function replayRights(
  sql: Sql,
  repositoryId: number,
  { digests, upstream, credential, at }: WordOf<'rights'>,
  { reviewDelayMs }: ReplayTimes,
): Promise<void> {
  await lockBlobs(sql, digests);
  await sql.query(
    `INSERT INTO repository_blob (repository_id, digest, upstream, credential, granted_at)
      SELECT $1, digest, $3, $4, $5 FROM unnest($2::text[]) AS digest ORDER BY digest ON CONFLICT DO NOTHING`,
    [repositoryId, digests, upstream, credential, at],
  );
  await queueBlobReviews(sql, digests, reviewDelayMs);
  await holdListed(sql, digests);
}

/** Unless something there lists it by now: a right ends when nothing does. */
async function replayEndedRights(sql: Sql, repositoryId: number, { digests }: WordOf<'rights-ended'>): Promise<void> {
  await lockBlobs(sql, digests, 'UPDATE');
  await sql.query(
    `DELETE FROM repository_blob AS given WHERE repository_id = $1 AND digest = ANY($2) AND NOT EXISTS (
      SELECT FROM manifest_blob AS listed JOIN repository_manifest AS visible
        ON visible.repository_id = $1 AND visible.digest = listed.manifest WHERE listed.digest = given.digest)`,
    [repositoryId, digests],
  );
}

/** Something that this database said itself of the same, and that waits for the store still. */
async function wasSaidLater(sql: Sql, same: Record<string, string>, at: string): Promise<boolean> {
  const said = await sql.query('SELECT 1 FROM journal WHERE at > $2 AND entry @> $1 LIMIT 1', [
    JSON.stringify(same),
    at,
  ]);
  return said.length > 0;
}
