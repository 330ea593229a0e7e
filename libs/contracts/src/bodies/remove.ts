import { z } from 'zod';
import { referenceText } from './reference-text';

/** As many references as one request names: what it says is kept with its operation, and shown with it. */
export const MOST_REFERENCES = 1000;

export const RemoveBodySchema = z.strictObject({
  reference: referenceText(
    'what to remove: a name with a tag takes that tag away; a name with a digest, or an id, the image; with now, the digest of a layer all images that have it',
  ).optional(),
  references: z
    .array(referenceText('what to remove'))
    .min(1)
    .max(MOST_REFERENCES)
    .optional()
    .describe('several of them in place of one: each goes, or is left and said why, whatever becomes of the others'),
  force: z.boolean().default(false).describe('take the names away even while a container uses the image'),
  withContainers: z
    .boolean()
    .optional()
    .describe('remove the containers that use the image too, those that have stopped'),
  withRunning: z.boolean().optional().describe('with withContainers: those that run as well'),
  now: z.boolean().default(false).describe('skip the review delay and the undo window; never the grace or a pin'),
  confirm: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'must be what the refusal of this remove without it says')
    .optional()
    .describe(
      'for now: what the answer without it says, where others have some of the same bytes, or several images go',
    ),
});
export type RemoveBody = z.output<typeof RemoveBodySchema>;

/** As many names as an outcome lists; how many there were is counted beside them. */
export const MOST_NAMES = 100;

const names = z.array(z.string()).max(MOST_NAMES);

/** What a remove did, each by its first names and a count. */
export const RemoveOutcomeSchema = z.object({
  removed: names.describe('the names that went'),
  removedCount: z.number().int().nonnegative(),
  left: names.describe('what was left alone, and why'),
  leftCount: z.number().int().nonnegative(),
  trash: names.optional().describe('the ids by which it is brought back'),
  containers: names.optional().describe('the containers that were removed with it'),
  marked: names.optional().describe('the containers whose image has no name any more; they keep its content'),
});
export type RemoveOutcome = z.output<typeof RemoveOutcomeSchema>;

/** Why a remove for good is not done yet, for programs: in a problem's `about`, and in the `detail` of an error. */
export const UnconfirmedRemovalSchema = z.object({
  goes: z.string().describe('what would go, and what keeps some of its bytes: a sentence for whoever confirms it'),
  confirm: z.string().describe('the `confirm` that has it done'),
});
export type UnconfirmedRemoval = z.output<typeof UnconfirmedRemovalSchema>;

/** Why the image that a container uses is not removed, for programs, at the same places. */
export const ImageInUseSchema = z.object({
  inTheWay: z.string().describe('what uses it, and what to do about that: a sentence without its end'),
  fields: z
    .array(RemoveBodySchema.keyof().extract(['withContainers', 'withRunning']))
    .describe('what would take that with it; nothing where that is not for here to do. `force` takes the names only'),
});
export type ImageInUse = z.output<typeof ImageInUseSchema>;
