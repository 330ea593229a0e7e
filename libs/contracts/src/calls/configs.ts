import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { defineCall } from '../define-call';

/** The largest config of an image that is read, in bytes. */
export const LARGEST_CONFIG = 1024 * 1024;

/**
 * Where the config of an image lies that says for which platform it is: a manifest that no index lists says it nowhere
 * else. In the order of the questions; `null` where it is known already, is not here, or says none.
 */
export const FindConfigs = defineCall('metadata.find-configs', {
  question: z.object({
    images: z.array(z.object({ repository: RepositoryNameSchema, digest: DigestSchema })).max(1000),
  }),
  answer: z.object({ configs: z.array(z.object({ object: z.uuid(), size: z.number().int() }).nullable()) }),
});

/**
 * Configs that are here and were not read yet, each for whoever takes it: it is offered again after a lease, if nothing
 * was recorded of it. `nextInMs`: when the next of those that were taken is offered again; null if there is none.
 */
export const TakeConfigs = defineCall('metadata.take-configs', {
  question: z.object({ limit: z.number().int().min(1).max(1000) }),
  answer: z.object({
    configs: z.array(z.object({ manifest: DigestSchema, object: z.uuid(), size: z.number().int() })),
    nextInMs: z.number().nullable(),
  }),
});

const Part = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/);
const PlatformSchema = z.object({ os: Part, architecture: Part, variant: Part.exactOptional() });

/** What configs said, by their manifests; it follows from bytes that never change, and so is written once. */
export const RecordConfigs = defineCall('metadata.record-configs', {
  question: z.object({
    configs: z
      .array(
        z.object({
          manifest: DigestSchema,
          platform: PlatformSchema.nullable(),
          labels: z.record(z.string().max(256), z.string().max(4096)),
          created: z.iso.datetime().nullable(),
        }),
      )
      .max(1000),
  }),
  answer: z.object({}),
});
