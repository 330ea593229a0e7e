import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { MOST_NAMES } from './remove';

export const RestoreBodySchema = z.strictObject({
  id: z.uuid().describe('the entry of the trash, as its list and the outcome of the remove have it'),
});
export type RestoreBody = z.output<typeof RestoreBodySchema>;

/** What came back: the image, and the tags that name it again, by the first of them and a count. */
export const RestoreOutcomeSchema = z.object({
  id: z.uuid(),
  repository: z.string(),
  digest: DigestSchema,
  tags: z.array(z.string()).max(MOST_NAMES),
  tagCount: z.number().int().nonnegative(),
});
export type RestoreOutcome = z.output<typeof RestoreOutcomeSchema>;
