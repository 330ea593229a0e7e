import { randomUUID } from 'node:crypto';
import {
  ClaimOperations,
  CompletePull,
  EndCancelled,
  FailOperation,
  ReadOperationBlobs,
  RenewOperations,
  ResolveOperation,
} from '#contracts/calls/operations';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { OperationAccepted } from '#contracts/facts';
import { ANONYMOUS } from '#contracts/principal';
import { stale } from '#oci/registry-error';
import { type Answer, type BookRows, blobsOf, type OperationRow } from './book-rows';
import { claimWork, NEW_WORK, ours, putBack } from './book-work';

export function acceptOperation(rows: BookRows, body: Record<string, unknown>): OperationRow {
  const state = { state: 'accepted' as const, isCancelled: false, image: null, outcome: null };
  const row: OperationRow = { ...NEW_WORK, id: randomUUID(), body, ...state, manifests: new Set() };
  rows.operations.set(row.id, row);
  rows.say(OperationAccepted.subject);
  return row;
}

/** Throws STALE. */
export function runningOperation(rows: BookRows, { id, epoch }: { id: string; epoch: number }): OperationRow {
  const row = ours(rows.operations.get(id), epoch);
  if (!row) throw stale("the operation is another worker's");
  return row;
}

export function answerOperations(rows: BookRows, answer: Answer): void {
  const running = (claim: { id: string; epoch: number }) => runningOperation(rows, claim);
  answer(ClaimOperations, ({ limit }) => {
    const { claimed, nextInMs } = claimWork([...rows.operations.values()], 'accepted', limit, rows.times);
    const common = { principal: ANONYMOUS };
    return {
      operations: claimed.map(({ id, epoch, attempts, body }) => ({
        id,
        epoch,
        attempts,
        body,
        kind: kindOf(body),
        ...common,
      })),
      nextInMs,
    };
  });
  answer(RenewOperations, (question) => renew(rows, question));
  answer(ResolveOperation, ({ repository, tag, digest, ...claim }) => {
    running(claim).image = { repository, tag, digest };
    return {};
  });
  answer(ReadOperationBlobs, (claim) => standing(rows, running(claim)));
  answer(CompletePull, (question) => completePull(rows, question));
  answer(FailOperation, (question) => {
    const row = running(question);
    const again = putBack(row, question, rows.times);
    row.state = again ? 'accepted' : 'failed';
    return { ended: !again };
  });
  answer(EndCancelled, (claim) => {
    running(claim).state = 'cancelled';
    return {};
  });
}

/** What names an image in place of a reference makes a container of it. */
const kindOf = (body: object) => ('image' in body ? ('container-create' as const) : ('pull' as const));

function renew(rows: BookRows, question: QuestionOf<typeof RenewOperations>): AnswerOf<typeof RenewOperations> {
  const found = question.operations.map(({ id, epoch }) => ({ id, row: ours(rows.operations.get(id), epoch) }));
  for (const { row } of found) if (row) row.leaseUntil = performance.now() + rows.times.leaseMs;
  const ids = (which: (row: OperationRow | undefined) => boolean) =>
    found.filter(({ row }) => which(row)).map(({ id }) => id);
  return {
    renewed: ids((row) => row?.isCancelled === false),
    cancelled: ids((row) => row?.isCancelled === true),
    lost: ids((row) => row === undefined),
  };
}

function completePull(rows: BookRows, question: QuestionOf<typeof CompletePull>): AnswerOf<typeof CompletePull> {
  const { repository, tag, digest, outcome, held } = question;
  const row = runningOperation(rows, question);
  const keys = (held?.manifests ?? []).map((each) => `${repository} ${each}`);
  if (keys.some((key) => !rows.manifests.has(key))) return { completed: false };
  for (const key of keys) row.manifests.add(key);
  if (standing(rows, row).missing > 0) return { completed: false };
  if (tag) rows.moveTag(repository, tag.name, digest, tag.askedMsAgo);
  Object.assign(row, { state: 'completed', outcome });
  return { completed: true };
}

function standing(rows: BookRows, operation: OperationRow): AnswerOf<typeof ReadOperationBlobs> {
  const listed = [...operation.manifests].flatMap((key) => blobsOf(rows.manifests.get(key)!));
  const blobs = new Map<string, number>(listed.map(({ digest, size }) => [digest, size]));
  const missing = [...blobs.keys()].filter((digest) => !rows.blobs.has(digest));
  const fills = [...rows.fills.values()].filter((fill) => missing.includes(fill.digest));
  const pending = (digest: string) => fills.some((fill) => fill.digest === digest && fill.state !== 'failed');
  const failed = fills.filter((fill) => fill.state === 'failed' && fill.error && !pending(fill.digest));
  const total = [...blobs.values()].reduce((sum, size) => sum + size, 0);
  const lacking = missing.reduce((sum, digest) => sum + blobs.get(digest)!, 0);
  const stored = fills.reduce((sum, { session }) => sum + (rows.sessions.get(session)?.length ?? 0), 0);
  return {
    missing: missing.length,
    failed: failed.map(({ digest, error }) => ({ digest, error: error! })),
    bytesDone: Math.min(total, total - lacking + stored),
    bytesTotal: total,
  };
}
