import type { Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { holdListed } from '../manifest/link-blobs';
import { queueBlobReviews } from '../review/queue-reviews';

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** A repository may read these bytes: what nothing there lists any more is found by the review that its end has queued. */
export const isWanted = (digest: string) =>
  `EXISTS (SELECT FROM repository_blob WHERE repository_blob.digest = ${digest})`;

/** Bytes that the rows have as condemned, and that came back into use after the backup was made. */
export async function wakeCondemned(sql: Sql): Promise<void> {
  const found = await sql.query<{ id: string; digest: string; size: number }>(
    `SELECT DISTINCT ON (digest) id, digest, size FROM object
      WHERE state = 'condemned' AND lost_at IS NULL AND ${isWanted('object.digest')}
        AND NOT EXISTS (SELECT FROM blob WHERE blob.digest = object.digest)
      ORDER BY digest, purge_after DESC`,
  );
  const digests = found.map(({ digest }) => digest);
  await lockBlobs(sql, digests, 'UPDATE');
  for (const { id, digest, size } of found) {
    await sql.query(`UPDATE object SET state = 'live', purge_after = NULL WHERE id = $1`, [id]);
    await makeBlob(sql, id, digest, size);
  }
}

/** No bytes lie nowhere: a folder has no file of them. */
export async function adoptEmpty(sql: Sql): Promise<void> {
  await lockBlobs(sql, [EMPTY], 'UPDATE');
  const [made] = await sql.query<{ id: string }>(
    `INSERT INTO object (id, state, digest, size, verified_at) SELECT gen_random_uuid(), 'live', $1, 0, now()
      WHERE ${isWanted('$1')} AND NOT EXISTS (SELECT FROM blob WHERE digest = $1) RETURNING id`,
    [EMPTY],
  );
  if (made) await makeBlob(sql, made.id, EMPTY, 0);
}

/** The caller has locked the digest, which no blob names, and made the object live. */
export async function makeBlob(sql: Sql, object: string, digest: string, size: number): Promise<void> {
  await sql.query('INSERT INTO blob (digest, object_id, size) VALUES ($1, $2, $3)', [digest, object, size]);
  await queueBlobReviews(sql, [digest], 0);
  await holdListed(sql, [digest]);
}
