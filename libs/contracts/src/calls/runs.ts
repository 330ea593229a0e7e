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

/** Whether cleanup works. Paused, nothing is removed, condemned or purged, on any replica, until it is resumed. */
export const CleanupSchema = z.object({
  paused: z.boolean(),
  pausedAt: z.iso.datetime().nullable(),
  pausedBy: z.string().nullable(),
  resting: z.boolean().default(false).describe('the collector works by schedule only, and it is not its time'),
  opensAt: z.iso.datetime().nullable().default(null).describe('when it rests: when it works again'),
  due: z.number().int().describe('reviews that wait to be done, counted up to 10,000'),
  run: GcRunSchema.nullable().describe('the collection that is under way'),
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
