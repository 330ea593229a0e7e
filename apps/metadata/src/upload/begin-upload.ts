import { v7 as uuidv7 } from 'uuid';
import type { Sql } from '../database/database';

export interface NewUpload {
  readonly id: string;
  readonly repositoryId: number;
  readonly digest: string | null;
  readonly size: number | null;
}

/** A session and its object have one id, never reused: so a command that is repeated after the session ended finds what it did. */
export const newUploadId = (): string => uuidv7();

/** The intent: rows of objects and sessions are committed before the first byte is written. */
export async function beginUploads(sql: Sql, uploads: readonly NewUpload[], idleMs: number): Promise<void> {
  if (uploads.length === 0) return;
  const ids = uploads.map((upload) => upload.id);
  await sql.query(`INSERT INTO object (id, state) SELECT unnest($1::uuid[]), 'uploading'`, [ids]);
  await sql.query(
    `INSERT INTO upload_session (id, object_id, repository_id, expected_digest, expected_size, expires_at)
      SELECT id, id, repository_id, digest, size, now() + $5 * interval '1 millisecond'
      FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[]) AS upload (id, repository_id, digest, size)`,
    [
      ids,
      uploads.map((upload) => upload.repositoryId),
      uploads.map((upload) => upload.digest),
      uploads.map((upload) => upload.size),
      idleMs,
    ],
  );
}

/**
 * Ends an upload that will never be a blob, whose session the caller has locked: its bytes may be deleted only after
 * this is committed.
 */
export async function discardUpload(sql: Sql, id: string): Promise<void> {
  await sql.query(`UPDATE object SET state = 'purging' WHERE id = $1 AND state = 'uploading'`, [id]);
  await sql.query('DELETE FROM upload_session WHERE id = $1', [id]);
}
