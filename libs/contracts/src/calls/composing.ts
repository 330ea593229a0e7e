import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';
import { ExtentSchema } from './sessions';

/**
 * Claims live objects of many keys, each to be made one key: a new object, `target`, whose row (`uploading`) is
 * committed with the claim, before its first byte. The target is the claim's epoch too: nobody else is ever given it,
 * and whoever takes the source over has the old one purged. Attempts are counted before they start.
 */
export const ClaimComposings = defineCall('metadata.claim-composings', {
  question: z.object({ worker: z.string().max(64), limit: z.number().int().min(1).max(64) }),
  answer: z.object({
    composings: z.array(
      z.object({
        source: z.uuid(),
        target: z.uuid(),
        attempts: z.number().int(),
        digest: DigestSchema,
        size: z.number().int().nonnegative(),
        /** Of the source, in the order of their offsets. */
        extents: z.array(ExtentSchema),
      }),
    ),
    /** When the next one is due, in milliseconds; null if there is none. */
    nextInMs: z.number().nullable(),
  }),
});

/** Renews claims by their targets; those that are no longer anybody's are left out of the answer. */
export const RenewComposings = defineCall('metadata.renew-composings', {
  question: z.object({ targets: z.array(z.uuid()).max(64) }),
  answer: z.object({ renewed: z.array(z.uuid()) }),
});

/**
 * The target's bytes are there, in one extent: in one transaction it becomes live and what the digest names, and the
 * source is condemned, with grace for its readers. If the digest does not name the source any more, or the source was
 * lost, or the claim was taken over, the target is purging instead: `swapped` is false, and its bytes may be deleted.
 * Repeating it answers the same.
 */
export const SwapObject = defineCall('metadata.swap-object', {
  question: z.object({ target: z.uuid(), extent: ExtentSchema }),
  answer: z.object({ swapped: z.boolean() }),
});

/**
 * An attempt failed: its target goes to purging, and the source is due again after a back-off. `discarded`: the
 * target's bytes may be deleted; false where it was swapped in all the same, by a command whose answer was lost.
 */
export const FailComposing = defineCall('metadata.fail-composing', {
  question: z.object({ target: z.uuid(), reason: plainText(500) }),
  answer: z.object({ discarded: z.boolean() }),
});
