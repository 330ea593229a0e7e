import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { defineCall } from '../define-call';

/** Distinct manifests in one `RecordPulls`. */
export const MOST_PULLS = 1000;

/**
 * Manifests that clients were given, counted in a gateway since it last said so. Best effort: what is not said is not
 * counted, and saying it twice counts it twice. What a repository does not show any more is left out.
 */
export const RecordPulls = defineCall('metadata.record-pulls', {
  question: z.object({
    pulls: z
      .array(
        z.object({
          repository: RepositoryNameSchema,
          digest: DigestSchema,
          count: z.number().int().positive(),
          /** How long before this command was sent the last of them was, in milliseconds. */
          lastMsAgo: z.number().nonnegative(),
        }),
      )
      .max(MOST_PULLS),
  }),
  answer: z.object({}),
});
