import { z } from 'zod';
import { KeptBySchema } from '../bodies/prune';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';

export const GC_RUN_KINDS = ['collection', 'prune'] as const;
export const GC_RUN_STATES = ['running', 'completed', 'failed', 'cancelled'] as const;

/** A stretch of collecting, or a prune. `seen` is `removed`, `condemned` and all of `kept`. Sizes are bytes. */
export const GcRunSchema = z.object({
  id: z.uuid().describe('of a prune: its operation'),
  kind: z.enum(GC_RUN_KINDS),
  state: z.enum(GC_RUN_STATES),
  plan: z.uuid().nullable(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  seen: z.number().int().describe('manifests and blobs that were reviewed, or images that a prune looked at'),
  kept: KeptBySchema.describe(
    'how many of them were not taken, by why: what keeps them, `changed` meanwhile, `gone` before, or that a prune was `cancelled` or `failed` before it came to them',
  ),
  removed: z.number().int().describe('manifests that left their repository, or images whose names a prune took'),
  removedBytes: z
    .number()
    .int()
    .default(0)
    .describe('bytes of the images that a prune took, each with all that it had: what others share stays with them'),
  condemned: z.number().int().describe('blobs that nothing needs any more'),
  condemnedBytes: z.number().int(),
  purged: z.number().int().describe('objects whose bytes left the store'),
  purgedBytes: z.number().int(),
  errors: z.number().int(),
  lastError: z.string().nullable(),
});
export type GcRun = z.output<typeof GcRunSchema>;

/** Newest first; `after` is the `next` of the page before. */
export const ListRuns = defineCall('metadata.list-runs', {
  question: z.object({
    kind: z.enum(GC_RUN_KINDS).optional(),
    after: z.uuid().optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  answer: z.object({ runs: z.array(GcRunSchema), next: z.uuid().nullable() }),
});

export const ReadRun = defineCall('metadata.read-run', {
  question: z.object({ id: z.uuid() }),
  answer: z.object({ run: GcRunSchema.nullable() }),
});

/** How the reading of all stored bytes goes, which finds those that are missing or wrong. */
export const ScrubSchema = z.object({
  everyMs: z.number().int().describe('how long bytes may go without being read again; 0: they never are'),
  running: z.number().int().describe('blobs that are read now'),
  due: z.number().int().describe('blobs that wait for their turn, counted up to 10,000'),
  oldest: z.iso.datetime().nullable().describe('when the bytes were verified that were not for the longest time'),
  verified: z.number().int().describe('blobs that were read again and found whole, ever'),
  verifiedBytes: z.number().int(),
  lost: z.number().int().describe('blobs whose bytes were found missing or wrong, ever'),
  lostAt: z.iso.datetime().nullable().describe('when the last of these was found'),
});
export type Scrub = z.output<typeof ScrubSchema>;

/** Whether cleanup works. Paused, nothing is removed, condemned or purged, on any replica, until it is resumed. */
export const CleanupSchema = z.object({
  paused: z.boolean(),
  pausedAt: z.iso.datetime().nullable(),
  pausedBy: z.string().nullable(),
  resting: z.boolean().default(false).describe('the collector works by schedule only, and it is not its time'),
  opensAt: z.iso.datetime().nullable().default(null).describe('when it rests: when it works again'),
  due: z.number().int().describe('reviews that wait to be done, counted up to 10,000'),
  run: GcRunSchema.nullable().describe('the collection that is under way'),
  scrub: ScrubSchema.optional().describe('how the reading of all stored bytes goes'),
});
export type Cleanup = z.output<typeof CleanupSchema>;

export const ReadCleanup = defineCall('metadata.read-cleanup', {
  question: z.object({}),
  answer: CleanupSchema,
});

/** Repeating it is harmless: who paused first is remembered. */
export const PauseCleanup = defineCall('metadata.pause-cleanup', {
  question: z.object({ principal: plainText(64), paused: z.boolean() }),
  answer: CleanupSchema,
});

/** Ends the collection that is under way, if nothing is due and nothing on its way out, or the collector rests. */
export const EndCollection = defineCall('metadata.end-collection', {
  question: z.object({}),
  answer: z.object({
    ended: z.boolean(),
    /** None is open any more. */
    settled: z.boolean(),
  }),
});
