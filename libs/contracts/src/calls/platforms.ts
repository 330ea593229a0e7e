import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { defineCall } from '../define-call';

/** The largest config of an image that is read for its platform, in bytes. */
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

const Part = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/);

/** What a config says of its platform. */
export const ConfigPlatformSchema = z.object({ os: Part, architecture: Part, variant: Part.exactOptional() });
export type ConfigPlatform = z.output<typeof ConfigPlatformSchema>;

/** What configs said, by their manifests, so that each is read once; `null`: nothing that can be read. */
export const RecordPlatforms = defineCall('metadata.record-platforms', {
  question: z.object({
    platforms: z.array(z.object({ manifest: DigestSchema, platform: ConfigPlatformSchema.nullable() })).max(1000),
  }),
  answer: z.object({}),
});
