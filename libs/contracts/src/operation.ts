import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { PrincipalSchema } from './principal';

/** `accepted` → `running` → one of the three ends; a failed attempt goes back to `accepted` until its next. */
export const OperationStateSchema = z.enum(['accepted', 'running', 'completed', 'failed', 'cancelled']);
export type OperationState = z.output<typeof OperationStateSchema>;

/** Which platforms of an index are fetched: the host's own, all of them, or these (`linux/arm64/v8`). */
export const PlatformsSchema = z
  .union([z.literal('host'), z.literal('all'), z.array(z.string().min(1).max(100)).min(1).max(32)])
  .default('host');

export const PullBodySchema = z.strictObject({
  reference: z.string().min(1).max(512).describe('what to pull, as one types it for docker pull'),
  platforms: PlatformsSchema.describe('host (default), all, or a list such as ["linux/arm64"]'),
});
export type PullBody = z.output<typeof PullBodySchema>;

export const RemoveBodySchema = z.strictObject({
  reference: z
    .string()
    .min(1)
    .max(512)
    .describe('what to remove: a name with a tag takes that tag away; a name with a digest, or an id, the image'),
  force: z.boolean().default(false).describe('take the names away even while a container uses the image'),
  now: z.boolean().default(false).describe('skip the review delay and the undo window; never the grace or a pin'),
});
export type RemoveBody = z.output<typeof RemoveBodySchema>;

/** Every kind of operation and its body; REST, messages and the claim all parse with these. */
export const OPERATION_BODIES = { pull: PullBodySchema, remove: RemoveBodySchema } as const;
export const OperationKindSchema = z.enum(['pull', 'remove']);
export type OperationKind = z.output<typeof OperationKindSchema>;

/** As many names as an outcome lists; how many there were is counted beside them. */
export const MOST_NAMES = 100;

/** What a remove did: the names that went, what was left alone and why, each by its first names and a count. */
export const RemoveOutcomeSchema = z.object({
  removed: z.array(z.string()).max(MOST_NAMES),
  removedCount: z.number().int().nonnegative(),
  left: z.array(z.string()).max(MOST_NAMES),
  leftCount: z.number().int().nonnegative(),
});
export type RemoveOutcome = z.output<typeof RemoveOutcomeSchema>;

/** Why it failed: a code for programs, a message for people that says what to do next. */
export const OperationErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  detail: z.unknown().optional(),
});
export type OperationError = z.output<typeof OperationErrorSchema>;

/** One blob of the image on its way. Sizes are bytes. */
export const LayerProgressSchema = z.object({
  digest: DigestSchema,
  size: z.number().int().nonnegative(),
  done: z.number().int().nonnegative(),
  state: z.enum(['held', 'filling', 'waiting', 'failed']),
});

export const OperationSchema = z.object({
  id: z.uuid(),
  principal: PrincipalSchema,
  requestId: z.string(),
  kind: OperationKindSchema,
  body: z.record(z.string(), z.unknown()),
  state: OperationStateSchema,
  attempts: z.number().int().nonnegative(),
  acceptedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().nullable(),
  endedAt: z.iso.datetime().nullable(),
  nextAttemptAt: z.iso.datetime().nullable().describe('when a failed attempt is tried again'),
  image: z
    .object({ repository: z.string(), tag: z.string().nullable(), digest: DigestSchema })
    .nullable()
    .describe('what the reference named, once known'),
  bytesDone: z.number().int().nonnegative(),
  bytesTotal: z.number().int().nonnegative(),
  layers: z.array(LayerProgressSchema),
  error: OperationErrorSchema.nullable(),
  outcome: z.record(z.string(), z.unknown()).nullable(),
});
export type Operation = z.output<typeof OperationSchema>;
