import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { referenceText } from './reference-text';

/** As many digests as one condition names. */
export const MOST_EXPECTED = 16;
const digests = z.array(DigestSchema).min(1).max(MOST_EXPECTED);

/** What a tag must name when it is written, so that nobody overwrites what he has not seen. */
export const ExpectedSchema = z
  .union([DigestSchema, z.enum(['any', 'none']), digests, z.strictObject({ not: digests })])
  .describe(
    'what the tag must name now: a digest or one of several, `any` where it must be there, `none` where it must be new; {"not": [...]}: none of these',
  );
export type Expected = z.output<typeof ExpectedSchema>;

export const TagBodySchema = z.strictObject({
  source: referenceText('an image that is here: a name, a digest, an id or the beginning of one'),
  target: referenceText('the new name, in a repository of this installation: localhost:5050/team/app:1'),
  expected: ExpectedSchema.optional(),
});
export type TagBody = z.output<typeof TagBodySchema>;

export const UntagBodySchema = z.strictObject({
  reference: referenceText('the name to take away: a repository and a tag; the image stays'),
  expected: ExpectedSchema.optional(),
});
export type UntagBody = z.output<typeof UntagBodySchema>;

export const RollbackBodySchema = z.strictObject({
  reference: referenceText('the tag to move back: localhost:5050/team/app:1'),
  to: DigestSchema.optional().describe('what it named once; without it, what it named before it last moved'),
  expected: ExpectedSchema.optional(),
});
export type RollbackBody = z.output<typeof RollbackBodySchema>;

/** Where a tag was moved. `from` is null for a new one, `to` for one that was taken away. */
export const TagOutcomeSchema = z.object({
  repository: z.string(),
  tag: z.string(),
  from: DigestSchema.nullable(),
  to: DigestSchema.nullable(),
});
export type TagOutcome = z.output<typeof TagOutcomeSchema>;
