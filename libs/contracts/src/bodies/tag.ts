import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { referenceText } from './reference-text';

/** What a tag must name when it is written, so that nobody overwrites what he has not seen. */
const ExpectedSchema = z
  .union([DigestSchema, z.literal('none')])
  .optional()
  .describe('the digest that the tag must name now, or none where it must be new');

export const TagBodySchema = z.strictObject({
  source: referenceText('an image that is here: a name, a digest, an id or the beginning of one'),
  target: referenceText('the new name, in a repository of this installation: localhost:5050/team/app:1'),
  expected: ExpectedSchema,
});
export type TagBody = z.output<typeof TagBodySchema>;

export const UntagBodySchema = z.strictObject({
  reference: referenceText('the name to take away: a repository and a tag; the image stays'),
  expected: ExpectedSchema,
});
export type UntagBody = z.output<typeof UntagBodySchema>;

export const RollbackBodySchema = z.strictObject({
  reference: referenceText('the tag to move back: localhost:5050/team/app:1'),
  to: DigestSchema.optional().describe('what it named once; without it, what it named before it last moved'),
  expected: ExpectedSchema,
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
