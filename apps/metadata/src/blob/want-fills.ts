import type { Source } from '#contracts/calls/manifests';
import { BlobWanted } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { traceHeader } from '#telemetry/doing';
import type { Sql } from '../database/database';
import { recordFacts } from '../outbox/outbox.store';
import { beginUploads, newUploadId } from '../upload/begin-upload';

export interface WantedBlob {
  readonly digest: Digest;
  readonly size: number;
}

interface Wanting {
  readonly idleMs: number;
  /** What wants them, where it is an operation: while nothing else does, they are called off with it. */
  readonly operation?: string | null;
}

/**
 * Has these blobs fetched from their upstream, for a repository that lists them: one download for a digest, an
 * upstream and a credential in the whole installation, so that one which waits or runs already is left alone; but it
 * is no longer one operation's own. The caller has locked the blobs.
 */
export async function wantFills(
  sql: Sql,
  repositoryId: number,
  source: Source,
  blobs: readonly WantedBlob[],
  { idleMs, operation = null }: Wanting,
): Promise<void> {
  if (blobs.length === 0) return;
  const begun = await sql.query<{ id: string } & WantedBlob>(
    `INSERT INTO fill (id, upstream, credential, repository_id, digest, size, state, wanted_by, traceparent)
      SELECT id, $1, $2, $3, digest, size, 'wanted', $7, $8
      FROM unnest($4::uuid[], $5::text[], $6::bigint[]) AS wanted (id, digest, size) ORDER BY digest
      ON CONFLICT (digest, upstream, credential) WHERE state IN ('wanted', 'running') DO NOTHING
      RETURNING id, digest, size`,
    [
      source.upstream,
      source.credential,
      repositoryId,
      blobs.map(newUploadId),
      blobs.map((blob) => blob.digest),
      blobs.map((blob) => blob.size),
      operation,
      traceHeader() ?? null,
    ],
  );
  await shareFills(sql, source, blobs, operation);
  await beginUploads(
    sql,
    begun.map((fill) => ({ ...fill, repositoryId })),
    idleMs,
  );
  await sql.query('UPDATE fill SET session_id = id WHERE id = ANY($1)', [begun.map((fill) => fill.id)]);
  const { upstream } = source;
  await recordFacts(
    sql,
    BlobWanted,
    begun.map(({ digest, size }) => ({ aggregate: digest, data: { digest, size, upstream } })),
  );
}

/** Somebody else wants those that run already: they are nobody's own any more. */
async function shareFills(
  sql: Sql,
  { upstream, credential }: Source,
  blobs: readonly WantedBlob[],
  operation: string | null,
): Promise<void> {
  await sql.query(
    `UPDATE fill SET wanted_by = NULL WHERE digest = ANY($1) AND upstream = $2 AND credential = $3
      AND state IN ('wanted', 'running') AND wanted_by IS NOT NULL AND wanted_by IS DISTINCT FROM $4::uuid`,
    [blobs.map((blob) => blob.digest), upstream, credential, operation],
  );
}
