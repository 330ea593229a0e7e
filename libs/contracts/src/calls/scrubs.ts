import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';
import { ExtentSchema } from './sessions';

/**
 * Claims live objects whose bytes were looked at longest ago, if that is longer than they may go unlooked at. Each is
 * one worker's until its lease ends: no two ever read the same one, and what a dead one read is another's to read.
 */
export const ClaimScrubs = defineCall('metadata.claim-scrubs', {
  question: z.object({ worker: z.string().max(64), limit: z.number().int().min(1).max(64) }),
  answer: z.object({
    objects: z.array(
      z.object({
        object: z.uuid(),
        digest: DigestSchema,
        size: z.number().int().nonnegative(),
        /** In the order of their offsets. */
        extents: z.array(ExtentSchema),
      }),
    ),
    /** When the next one is due, in milliseconds; null if there is none. */
    nextInMs: z.number().nullable(),
  }),
});

/** Renews claims; those that are no longer this worker's are left out of the answer. */
export const RenewScrubs = defineCall('metadata.renew-scrubs', {
  question: z.object({ worker: z.string().max(64), objects: z.array(z.uuid()).max(64) }),
  answer: z.object({ renewed: z.array(z.uuid()) }),
});

/**
 * What was found: bytes that hash to their digest are verified as of when they were begun to be read; others are lost,
 * and fetched again where an upstream has them. What another worker has meanwhile is left to it. `unread`: nothing was
 * found out, and the object is due as before. Repeating it is harmless.
 */
export const EndScrub = defineCall('metadata.end-scrub', {
  question: z.object({
    worker: z.string().max(64),
    object: z.uuid(),
    found: z.enum(['whole', 'lost', 'unread']),
    reason: plainText(500).default(''),
  }),
  answer: z.object({ ended: z.boolean() }),
});
