import type { Operation, OperationKind, OperationState } from '#contracts/operation';
import type { Principal } from '#contracts/principal';
import { NO_PROGRESS, type OperationProgress } from './operation-progress';

/** An image that a remove acts on: one of its tags, or, where that is null, all of it in its repository. */
export interface NamedRemoval {
  readonly repositoryId: number;
  readonly repository: string;
  readonly digest: string;
  readonly tag: string | null;
}

/** What the reference of an operation named. */
export interface NamedImage {
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: string;
  readonly removes?: readonly NamedRemoval[];
  /** Of several references, those that named nothing that can be removed, and why. */
  readonly left?: readonly string[];
}

export interface OperationRow {
  readonly id: string;
  readonly principal: Principal;
  readonly request_id: string;
  readonly body_hash: Buffer;
  readonly kind: OperationKind;
  readonly body: Record<string, unknown>;
  readonly state: OperationState;
  readonly named: NamedImage | null;
  readonly worker: string | null;
  readonly epoch: number;
  readonly attempts: number;
  /** Of a remove: how many of its images are done. */
  readonly parts_done: number;
  readonly due_at: Date;
  readonly cancel_asked_at: Date | null;
  readonly error: Operation['error'];
  readonly outcome: Record<string, unknown> | null;
  readonly accepted_at: Date;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
}

export function toOperation(row: OperationRow, progress: OperationProgress = NO_PROGRESS): Operation {
  const waits = row.state === 'accepted' && row.attempts > 0;
  return {
    id: row.id,
    principal: row.principal,
    requestId: row.request_id,
    kind: row.kind,
    body: row.body,
    state: row.state,
    attempts: row.attempts,
    acceptedAt: row.accepted_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    nextAttemptAt: waits ? row.due_at.toISOString() : null,
    image: imageOf(row.named),
    ...progress,
    error: row.error,
    outcome: row.outcome,
  };
}

function imageOf(named: NamedImage | null): Operation['image'] {
  if (named === null) return null;
  return {
    repository: named.repository,
    tag: named.tag,
    digest: named.digest as NonNullable<Operation['image']>['digest'],
  };
}
