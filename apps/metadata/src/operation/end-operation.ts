import { OperationCancelled, OperationCompleted, OperationFailed } from '#contracts/facts';
import type { OperationError } from '#contracts/operation';
import { callOffFills } from '../blob/call-off-fills';
import type { Sql } from '../database/database';
import { recordFact } from '../outbox/outbox.store';
import { queueManifestReviews } from '../review/queue-reviews';
import { endPrune } from '../run/note-run';
import type { OperationRow } from './operation-rows';

export type OperationEnd =
  | { readonly state: 'completed'; readonly outcome: Record<string, unknown> }
  | { readonly state: 'failed'; readonly error: OperationError }
  | { readonly state: 'cancelled' };

/**
 * Ends an operation whose row the caller has locked, with its fact, in the caller's transaction. What it was a root
 * of loses that reason to stay, and so is queued for review; what came for it alone comes no further where it was
 * called off.
 */
export async function endOperation(
  sql: Sql,
  operation: Pick<OperationRow, 'id' | 'kind' | 'principal' | 'request_id'>,
  end: OperationEnd,
  reviewInMs: number,
): Promise<OperationRow> {
  if (end.state === 'cancelled') await callOffFills(sql, operation.id);
  const error = end.state === 'failed' ? JSON.stringify(end.error) : null;
  const outcome = end.state === 'completed' ? JSON.stringify(end.outcome) : null;
  const [ended] = await sql.query<OperationRow>(
    `UPDATE operation SET state = $2, error = $3, outcome = coalesce($4, outcome), ended_at = clock_timestamp(),
       worker = NULL, claimed_until = NULL
     WHERE id = $1 RETURNING *`,
    [operation.id, end.state, error, outcome],
  );
  await recordEnd(sql, operation, end);
  await releaseItsManifests(sql, operation.id, reviewInMs);
  if (operation.kind === 'prune')
    await endPrune(sql, operation.id, end.state, end.state === 'failed' ? end.error.message : null);
  return ended!;
}

/** Says how it ended. */
export async function recordEnd(
  sql: Sql,
  { id, kind, principal, request_id: request }: Pick<OperationRow, 'id' | 'kind' | 'principal' | 'request_id'>,
  end: OperationEnd,
): Promise<void> {
  const about = { operation: id, kind, principal, request };
  if (end.state === 'completed') await recordFact(sql, OperationCompleted, id, { ...about, outcome: end.outcome });
  else if (end.state === 'failed') await recordFact(sql, OperationFailed, id, { ...about, error: end.error });
  else await recordFact(sql, OperationCancelled, id, about);
}

async function releaseItsManifests(sql: Sql, id: string, inMs: number): Promise<void> {
  const touched = await sql.query<{ repository_id: number; digests: string[] }>(
    `WITH released AS (
       UPDATE operation_manifest SET ended = true WHERE operation_id = $1 AND NOT ended RETURNING repository_id, digest
     )
     SELECT repository_id, array_agg(digest) AS digests FROM released GROUP BY repository_id ORDER BY repository_id`,
    [id],
  );
  for (const { repository_id, digests } of touched) await queueManifestReviews(sql, repository_id, digests, inMs);
}
