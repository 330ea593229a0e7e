import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';

/**
 * Takes due reviews, reads the reasons to stay after locking, and condemns or postpones each.
 * A review's row goes only if unchanged since it was read. Repeating it is harmless.
 */
export const ReviewDue = defineCall('metadata.review-due', {
  question: z.object({ limit: z.number().int().min(1).max(1000) }),
  answer: z.object({
    reviewed: z.number().int(),
    condemned: z.number().int(),
    removed: z.number().int(),
    postponed: z.number().int(),
    /** When the next review is due, in milliseconds from now; null if there is none. */
    nextInMs: z.number().nullable(),
  }),
  deadlineMs: 30_000,
});

/**
 * Commits `purging` for objects whose grace has passed (condemned) and for sessions that ran out (uploading, with
 * its epoch), claims those whose purge was not confirmed, and names them. Only these may be deleted from storage.
 */
export const ClaimPurges = defineCall('metadata.claim-purges', {
  question: z.object({ limit: z.number().int().min(1).max(1000) }),
  answer: z.object({
    objects: z.array(z.object({ object: z.uuid(), bytes: z.number().int() })),
    nextInMs: z.number().nullable(),
  }),
});

/** The storage said that an object's bytes are gone: its tombstone goes too. `failed`: how many it did not delete. */
export const ForgetObjects = defineCall('metadata.forget-objects', {
  question: z.object({
    objects: z.array(z.uuid()).max(1000),
    failed: z.number().int().nonnegative().default(0),
    lastError: plainText(2000).nullable().default(null),
  }),
  answer: z.object({ forgotten: z.number().int() }),
});

/**
 * Deletes rows that have had their time, at most `limit` of a kind: operations that ended longer ago than they are kept,
 * with what they touched; leases of readers that died; reporters that fell silent, with what they reported; undo windows that have passed; absences that no age reaches back
 * to. Repeating it is harmless.
 */
export const ForgetEnded = defineCall('metadata.forget-ended', {
  question: z.object({ limit: z.number().int().min(1).max(1000) }),
  answer: z.object({
    operations: z.number().int(),
    /** Of the other kinds together. */
    rows: z.number().int(),
    /** Whether a kind had as many as were asked for: there may be more. */
    more: z.boolean(),
  }),
});

/** What rows claim of storage, in the order of object ids: the other half of fsck. */
export const ListObjects = defineCall('metadata.list-objects', {
  question: z.object({ after: z.uuid().optional(), limit: z.number().int().min(1).max(1000) }),
  answer: z.object({
    objects: z.array(
      z.object({
        object: z.uuid(),
        state: z.enum(['uploading', 'live', 'condemned', 'purging']),
        digest: z.string().nullable(),
        size: z.number().int().nullable(),
        lost: z.boolean(),
        extents: z.array(z.object({ offset: z.number().int(), length: z.number().int(), key: z.string().nullable() })),
        /** For an upload: whether its session can still be continued, or ran out and was forgotten. */
        session: z.enum(['none', 'open', 'expired']),
      }),
    ),
    next: z.uuid().nullable(),
  }),
});

/**
 * Which manifest holds each of these digests, an upstream's before a pushed one: whoever pulls (or pushes) it again
 * brings bytes back that were lost. `null`: none does, so nobody misses them.
 */
export const FindHolders = defineCall('metadata.find-holders', {
  question: z.object({ digests: z.array(DigestSchema).max(100) }),
  answer: z.object({
    /** In the order of the question. `upstream` as references spell it, `127.0.0.1:5001`; null for a local repository. */
    holders: z.array(
      z.object({ repository: z.string(), upstream: z.string().nullable(), manifest: DigestSchema }).nullable(),
    ),
  }),
});

/** Rules that only rows can break, checked by queries: each fault in a line that names the row. */
export const CheckRows = defineCall('metadata.check-rows', {
  question: z.object({}),
  answer: z.object({
    faults: z.array(z.string()),
    /** What is due for so long that nobody does it. */
    stuck: z.array(z.string()).default([]),
  }),
  deadlineMs: 5 * 60_000,
});

/**
 * What may be deleted of an object that was seen in the store: `all` where there is neither a row nor a tombstone of it,
 * for its id is never used again; `others` than these keys where it is live, for its extents never change; `none`, and
 * why. Asked after the store was.
 */
export const JudgeStrays = defineCall('metadata.judge-strays', {
  question: z.object({ object: z.uuid() }),
  answer: z.object({
    may: z.enum(['all', 'others', 'none']),
    keys: z.array(z.string()),
    why: z.string(),
  }),
});

/**
 * What of the streams is not as it should be, each in a line; `mend` makes what is missing, and brings the others to what
 * they should be. UNAVAILABLE while the bus is away.
 */
export const CheckStreams = defineCall('metadata.check-streams', {
  question: z.object({ mend: z.boolean() }),
  answer: z.object({ faults: z.array(z.string()) }),
  deadlineMs: 60_000,
});
