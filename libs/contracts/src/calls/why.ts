import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { referenceText } from '../bodies/reference-text';
import { defineCall } from '../define-call';

/** As many roots as are named; whether there are more is said beside them. */
export const MOST_ROOTS = 20;
export const MOST_REPOSITORIES = 100;

/** A step of the way down from what a root keeps to what was asked about. */
const StepSchema = z.object({
  digest: DigestSchema,
  /** How the step before leads here: it lists it (`index`), is its subject, or has it as config or layer (`blob`). */
  via: z.enum(['root', 'index', 'subject', 'blob']),
});

export const KeepingRootSchema = z.object({
  root: z
    .enum(['tag', 'container', 'operation', 'pin', 'trash', 'pull', 'lease'])
    .describe(
      'what keeps it: a tag, a container, an operation that has not ended, a promise that it exists, the undo window, its last pull, or somebody who reads it',
    ),
  name: z.string().nullable().describe('of a tag or a container; the id of an operation or of what was removed'),
  repository: z.string().nullable(),
  until: z.iso.datetime().nullable().describe('when it ends by itself; null where something must be done for that'),
  path: z.array(StepSchema).describe('from what the root keeps down to what was asked about'),
});
export type KeepingRoot = z.output<typeof KeepingRootSchema>;

export const WhySchema = z.object({
  kind: z.enum(['image', 'blob']),
  digest: DigestSchema,
  repositories: z.array(z.string()).max(MOST_REPOSITORIES).describe('where it is held: up to a hundred'),
  kept: z.boolean().describe('whether a root keeps it now'),
  roots: z.array(KeepingRootSchema).max(MOST_ROOTS).describe('what keeps it: first what stays longest'),
  moreRoots: z.boolean(),
  goesAt: z.iso
    .datetime()
    .nullable()
    .describe(
      'when it leaves: no earlier, and soon after, unless something happens meanwhile; null where something must be done first',
    ),
  purgedAt: z.iso
    .datetime()
    .nullable()
    .describe('of a blob: when its bytes leave the store, no earlier and soon after; null where that is not known'),
});
export type Why = z.output<typeof WhySchema>;

/**
 * Why an image or a blob is kept, or when it goes, as of one moment, for the same reasons by which a review decides.
 * NOT_FOUND where it is not here, CONFLICT where a prefix means several.
 */
export const ExplainWhy = defineCall('metadata.explain-why', {
  question: z.object({ reference: referenceText('a name, a digest, an id, or the beginning of one') }),
  answer: WhySchema,
});
