import { z } from 'zod';
import { PATTERN_READS, RepositoryPatternSchema } from '../name-pattern';
import { UntilSchema } from '../until';

/** What a prune takes: all of these must be so. What is in use is never taken. */
export const PruneFiltersSchema = z.strictObject({
  dangling: z.boolean().optional().describe('only images without a tag; it is so unless `unused` is asked for'),
  unused: z.boolean().default(false).describe('images with tags too, as long as no container uses them'),
  until: UntilSchema.optional().describe('only what neither came nor was pulled for that long, or since that time'),
  repository: RepositoryPatternSchema.optional().describe(
    `only in these repositories, such as docker.io/library/* or quay.io/**: ${PATTERN_READS}`,
  ),
  labels: z
    .array(z.string().regex(/^[\x20-\x7e]{1,512}$/, 'must be 1 to 512 visible ASCII characters'))
    .max(16)
    .default([])
    .describe('only images with all of these labels: `key`, or `key=value`'),
});
export type PruneFilters = z.output<typeof PruneFiltersSchema>;

/** What a prune takes, and how much it may take unasked: what a schedule says of one, too. */
export const PruneWithinSchema = PruneFiltersSchema.extend({
  share: z
    .int()
    .min(0)
    .max(100)
    .optional()
    .describe(
      'how many percent of all images may go without a `confirm`, in place of ENTREPOT_PRUNE_SHARE; with 100 all there are',
    ),
});
export type PruneWithin = z.output<typeof PruneWithinSchema>;

export const PruneBodySchema = PruneWithinSchema.extend({
  dryRun: z.boolean().default(false).describe('only make the plan: what would go, and why'),
  confirm: z
    .int()
    .nonnegative()
    .optional()
    .describe('how many images go: needed where that is all there are, or more of many than a prune may take unasked'),
  plan: z.uuid().optional().describe('carry out this plan of a dry run, as it was read; beside no filter'),
});
export type PruneBody = z.output<typeof PruneBodySchema>;

/** Why an image stays: its tag (where only dangling ones go), what uses it, or that it was wanted lately. */
export const KeptBySchema = z.record(z.string(), z.number().int());

/** What a prune did. `seen` is `removed` and `left`, and all of `kept`. */
export const PruneOutcomeSchema = z.object({
  plan: z.uuid(),
  seen: z.number().int(),
  kept: KeptBySchema,
  removed: z.number().int(),
  removedBytes: z
    .number()
    .int()
    .default(0)
    .describe('bytes of the images that went, each with all that it had: what others share stays with them'),
  left: z.number().int(),
});
export type PruneOutcome = z.output<typeof PruneOutcomeSchema>;
