import { z } from 'zod';
import { count } from '#config/whole-number';
import { OperationSchema } from '#contracts/operation';

/*
 * What several routes have in common.
 */

export const none = z.strictObject({});

export const limit = count(100, 1000).describe('how many at most on this page');
export const after = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[\x21-\x7e]+$/, 'must be the `next` of the page before')
    .optional()
    .describe('the `next` of the page before; its Link header has it already');
export const flag = z
  .enum(['', 'true', 'false'], { error: 'must be true or false' })
  .default('false')
  .transform((text) => text !== 'false');

/** What a person types to name an image. */
export const referenceQuery = (what: string) =>
  z
    .string()
    .min(1)
    .max(512)
    .refine((text) => !/\p{Cc}/u.test(text), 'must not contain control characters')
    .describe(what);

export const NextLink = { Link: 'the next page, `rel="next"`; absent on the last' };
export const Accepted = {
  description: 'taken in: it is committed, and will be completed, failed with a reason, or cancelled',
  schema: OperationSchema,
  headers: { Location: 'where the operation is read' },
};
export const EventStream = {
  description:
    'server-sent events: `operation` with the operation as JSON, each time it changed, and an id; where it ends too early, connect again',
  mediaType: 'text/event-stream',
};
export const IdempotencyKey = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 visible ASCII characters')
    .optional()
    .describe('asking twice under one key does it once; another body under the same key is a conflict'),
});
