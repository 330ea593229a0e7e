import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { TagSchema } from '#oci/tag';
import { defineCall } from '../define-call';
import { OperationErrorSchema, OperationKindSchema, OperationSchema, OperationStateSchema } from '../operation';
import { plainText } from '../plain-text';
import { PrincipalSchema } from '../principal';
import { SourceSchema } from './manifests';

/**
 * Takes a request in: accepted means the row is committed. The same id with another body is CONFLICT. The plan of a
 * prune is made with it, of one moment, and looks at every image: some seconds where there are half a million tags.
 */
export const AcceptOperation = defineCall('metadata.accept-operation', {
  question: z.object({
    principal: PrincipalSchema,
    requestId: plainText(256).min(1),
    kind: OperationKindSchema,
    body: z.record(z.string(), z.unknown()),
  }),
  answer: z.object({ operation: OperationSchema, created: z.boolean() }),
  deadlineMs: 30_000,
});

/** An operation with its progress in bytes; null where this principal has none of that id. */
export const ReadOperation = defineCall('metadata.read-operation', {
  question: z.object({ principal: PrincipalSchema, id: z.uuid() }),
  answer: z.object({ operation: OperationSchema.nullable() }),
});

/** Newest first; `after` is the `next` of the page before. */
export const ListOperations = defineCall('metadata.list-operations', {
  question: z.object({
    principal: PrincipalSchema,
    kind: OperationKindSchema.optional(),
    state: OperationStateSchema.optional(),
    after: plainText(100).optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  answer: z.object({ operations: z.array(OperationSchema), next: z.string().nullable() }),
});

/** Calls an operation off: at once while it waits; a running one when its worker next renews. CONFLICT once ended. */
export const CancelOperation = defineCall('metadata.cancel-operation', {
  question: z.object({ principal: PrincipalSchema, id: z.uuid() }),
  answer: z.object({ operation: OperationSchema.nullable() }),
});

/** Claims due operations of these kinds: lease, epoch raised, attempt counted before it starts. */
export const ClaimOperations = defineCall('metadata.claim-operations', {
  question: z.object({
    worker: plainText(64),
    kinds: z.array(OperationKindSchema).min(1),
    limit: z.number().int().min(1).max(64),
  }),
  answer: z.object({
    operations: z.array(
      z.object({
        id: z.uuid(),
        epoch: z.number().int(),
        attempts: z.number().int(),
        principal: PrincipalSchema,
        kind: OperationKindSchema,
        body: z.record(z.string(), z.unknown()),
        /** The trace that it was asked for in (W3C Trace Context). */
        traceparent: z.string().nullish(),
      }),
    ),
    nextInMs: z.number().nullable(),
  }),
});

/** Renews leases. `cancelled`: whose caller called them off; `lost`: no longer this worker's. */
export const RenewOperations = defineCall('metadata.renew-operations', {
  question: z.object({ operations: z.array(z.object({ id: z.uuid(), epoch: z.number().int() })).max(64) }),
  answer: z.object({ renewed: z.array(z.uuid()), cancelled: z.array(z.uuid()), lost: z.array(z.uuid()) }),
});

/** What the reference of a pull named; written before its layers come, so that it is shown and is a root. */
export const ResolveOperation = defineCall('metadata.resolve-operation', {
  question: z.object({
    id: z.uuid(),
    epoch: z.number().int(),
    repository: RepositoryNameSchema,
    tag: TagSchema.nullable(),
    digest: DigestSchema,
  }),
  answer: z.object({}),
});

/**
 * How the blobs of an operation's manifests stand. A pull ends when none is missing; `failed` names fills that
 * failed for good.
 */
export const ReadOperationBlobs = defineCall('metadata.read-operation-blobs', {
  question: z.object({ id: z.uuid(), epoch: z.number().int() }),
  answer: z.object({
    missing: z.number().int(),
    failed: z.array(z.object({ digest: DigestSchema, error: OperationErrorSchema })),
    bytesDone: z.number().int(),
    bytesTotal: z.number().int(),
  }),
});

/**
 * Ends a pull: its tag, its outcome and its facts in one commit, conditional on its epoch and on nothing missing. A pull
 * for a container makes that in the same commit; where that cannot be, the operation has failed, and this is answered.
 */
export const CompletePull = defineCall('metadata.complete-pull', {
  question: z.object({
    id: z.uuid(),
    epoch: z.number().int(),
    repository: RepositoryNameSchema,
    tag: z.object({ name: TagSchema, askedMsAgo: z.number().nonnegative() }).nullable(),
    digest: DigestSchema,
    outcome: z.record(z.string(), z.unknown()),
    /**
     * The manifests that the pull would commit, where the asker found all of them here: nothing was committed for it.
     * Not completed where one has gone meanwhile, came from another source, or misses a blob.
     */
    held: z.object({ source: SourceSchema, manifests: z.array(DigestSchema).min(1).max(1000) }).optional(),
  }),
  answer: z.object({ completed: z.boolean() }),
});

/** Ends an operation without its effect, or (temporary) puts it back for its next attempt until those are used up. */
export const FailOperation = defineCall('metadata.fail-operation', {
  question: z.object({
    id: z.uuid(),
    epoch: z.number().int(),
    error: OperationErrorSchema,
    temporary: z.boolean(),
    retryAfterMs: z.number().nonnegative().optional(),
    /** The worker stops and gives the operation back at once: the attempt is not counted. */
    giveBack: z.boolean().default(false),
  }),
  answer: z.object({ ended: z.boolean() }),
});

/** A worker stopped because the caller called it off. */
export const EndCancelled = defineCall('metadata.end-cancelled', {
  question: z.object({ id: z.uuid(), epoch: z.number().int() }),
  answer: z.object({}),
});
