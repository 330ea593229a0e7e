import { BlobFailed } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import type { Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { recordFacts } from '../outbox/outbox.store';
import { discardUpload } from '../upload/begin-upload';

interface CalledOff {
  readonly digest: Digest;
  readonly upstream: string;
  readonly session_id: string | null;
}

const ITS_OWN = `wanted_by = $1 AND state IN ('wanted', 'running')`;

/**
 * Ends the downloads that nobody but this operation wants; their bytes may go. Whoever wants one later begins it anew.
 * The caller has locked the operation, and nothing that comes after it in the order of locks.
 */
export async function callOffFills(sql: Sql, operation: string): Promise<void> {
  const own = await sql.query<CalledOff>(`SELECT digest, session_id FROM fill WHERE ${ITS_OWN}`, [operation]);
  if (own.length === 0) return;
  const sessions = own.map((fill) => fill.session_id).filter((id) => id !== null);
  await sql.query('SELECT 1 FROM upload_session WHERE id = ANY($1) ORDER BY id FOR UPDATE', [sessions]);
  const digests = own.map((fill) => fill.digest);
  await lockBlobs(sql, digests, 'UPDATE');
  const error = { code: 'CANCELLED', message: 'the pull that wanted it was called off' };
  const ended = await sql.query<CalledOff>(
    `UPDATE fill SET state = 'failed', worker = NULL, claimed_until = NULL, ended_at = now(), due_at = now(), error = $2
      WHERE ${ITS_OWN} AND digest = ANY($3) AND (session_id IS NULL OR session_id = ANY($4))
      RETURNING digest, upstream, session_id`,
    [operation, JSON.stringify(error), digests, sessions],
  );
  for (const { session_id } of ended) if (session_id !== null) await discardUpload(sql, session_id);
  await recordFacts(
    sql,
    BlobFailed,
    ended.map(({ digest, upstream }) => ({ aggregate: digest, data: { digest, upstream, error } })),
  );
}
