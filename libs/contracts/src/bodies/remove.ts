import { z } from 'zod';
import { referenceText } from './reference-text';

export const RemoveBodySchema = z.strictObject({
  reference: referenceText(
    'what to remove: a name with a tag takes that tag away; a name with a digest, or an id, the image',
  ),
  force: z.boolean().default(false).describe('take the names away even while a container uses the image'),
  now: z.boolean().default(false).describe('skip the review delay and the undo window; never the grace or a pin'),
});
export type RemoveBody = z.output<typeof RemoveBodySchema>;

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
