import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { KeptBySchema, PruneFiltersSchema } from '../bodies/prune';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';

/** What a prune takes, as it stood when it was made. `seen` is `items` and all of `kept`. */
export const PlanSchema = z.object({
  id: z.uuid(),
  operation: z.uuid().describe('the operation that made it'),
  appliedBy: z.uuid().nullable().describe('the operation that carries it out, or did'),
  filters: PruneFiltersSchema,
  madeAt: z.iso.datetime(),
  until: z.iso.datetime().describe('it may be applied until then'),
  seen: z.number().int().describe('images that were looked at'),
  kept: KeptBySchema.describe('how many of them stay, by why'),
  items: z.number().int().describe('how many of them go'),
});
export type Plan = z.output<typeof PlanSchema>;

export const PlanItemSchema = z.object({
  repository: z.string(),
  digest: DigestSchema,
  tags: z.array(z.string()),
  size: z.number().int().describe('bytes of all that it has here; what others share stays'),
  usedAt: z.iso.datetime().describe('when it came or was last pulled'),
  reason: z.enum(['dangling', 'unused']).describe('why it goes: no tag names it, or no container uses it'),
  state: z.enum(['planned', 'removed', 'left']),
  leftBecause: z.string().nullable().describe('why it was left alone when the plan was carried out'),
});
export type PlanItem = z.output<typeof PlanItemSchema>;

/** A plan with a page of its items, by repository and digest; null where there is none of that id. */
export const ReadPlan = defineCall('metadata.read-plan', {
  question: z.object({
    id: z.uuid(),
    after: plainText(1000).optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  answer: z.object({
    found: z.object({ plan: PlanSchema, items: z.array(PlanItemSchema), next: z.string().nullable() }).nullable(),
  }),
});

/**
 * Carries out the next items of a prune's plan, each checked again, in one transaction; with the last of them it ends
 * the operation. `paused`: nothing was done, since cleanup is paused, or, for `retryAfterMs`, quiet after metadata was
 * away: what began to run meanwhile was not reported yet. Throws STALE.
 */
export const PruneImages = defineCall('metadata.prune-images', {
  question: z.object({ id: z.uuid(), epoch: z.number().int(), limit: z.number().int().min(1).max(200) }),
  answer: z.object({
    ended: z.boolean(),
    paused: z.boolean(),
    removed: z.number().int(),
    left: z.number().int(),
    retryAfterMs: z.number().nullable().default(null),
  }),
  deadlineMs: 30_000,
});
