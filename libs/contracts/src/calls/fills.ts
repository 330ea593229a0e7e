import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { defineCall } from '../define-call';
import { OperationErrorSchema } from '../operation';
import { plainText } from '../plain-text';
import { SourceSchema } from './manifests';

/** One blob's download from an upstream: one for a digest, an upstream and a credential in the whole installation. */
export const FillSchema = z.object({
  id: z.uuid(),
  epoch: z.number().int(),
  attempts: z.number().int(),
  source: SourceSchema,
  /** The repository to fetch it from (`library/node` is read from the name). */
  repository: RepositoryNameSchema,
  digest: DigestSchema,
  size: z.number().int().nonnegative(),
  session: z.uuid(),
  /** The operation that alone wants it, and the trace that it was first wanted in (W3C Trace Context). */
  operation: z.uuid().nullish(),
  traceparent: z.string().nullish(),
});
export type Fill = z.output<typeof FillSchema>;

/**
 * Claims wanted fills: each with a lease, its epoch raised and its attempt counted before it starts. Every upstream that
 * has wanted fills gets its turn before another gets its second. None is claimed that the worker has no room for.
 */
export const ClaimFills = defineCall('metadata.claim-fills', {
  question: z.object({
    worker: plainText(64),
    limit: z.number().int().min(1).max(64),
    /** How many of one upstream's this worker takes, and has already. */
    perUpstream: z
      .object({
        most: z.number().int().min(1),
        held: z.array(z.object({ upstream: z.string(), fills: z.number().int().min(1) })).max(64),
      })
      .optional(),
    /** How many of one repository's this worker takes, and has already. */
    perRepository: z
      .object({
        most: z.number().int().min(1),
        held: z.array(z.object({ repository: RepositoryNameSchema, fills: z.number().int().min(1) })).max(64),
      })
      .optional(),
  }),
  answer: z.object({
    fills: z.array(FillSchema),
    /** When the next one that this worker has room for is due, in milliseconds; null if none. */
    nextInMs: z.number().nullable(),
  }),
});

/** Renews the leases of running fills; those that are no longer this worker's are left out of the answer. */
export const RenewFills = defineCall('metadata.renew-fills', {
  question: z.object({ fills: z.array(z.object({ id: z.uuid(), epoch: z.number().int() })).max(64) }),
  answer: z.object({ renewed: z.array(z.uuid()) }),
});

/**
 * An attempt failed. Temporary: tried again after the back-off (or `retryAfterMs`) until the attempts are used up.
 * Lasting: the fill fails, and with it the operations that wait for it. STALE when the epoch has passed.
 */
export const FailFill = defineCall('metadata.fail-fill', {
  question: z.object({
    id: z.uuid(),
    epoch: z.number().int(),
    error: OperationErrorSchema,
    temporary: z.boolean(),
    retryAfterMs: z.number().nonnegative().optional(),
    /** What was stored is not what was promised (wrong digest or size): start over with a new object. */
    discard: z.boolean().default(false),
    /** The worker stops and gives the fill back at once: the attempt is not counted. */
    giveBack: z.boolean().default(false),
  }),
  answer: z.object({ failed: z.boolean() }),
});
