import { z } from 'zod';
import { DigestSchema } from './digest';
import { dropNulls } from './drop-nulls';
import { PlatformSchema } from './platform';

/** It may come to stand in a header or a log line: printable ASCII only. */
const MediaTypeSchema = z
  .string()
  .max(255)
  .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');

const Fields = z.looseObject({
  mediaType: MediaTypeSchema,
  digest: DigestSchema,
  size: z.int().min(0),
  urls: z.array(z.string()).exactOptional(),
  annotations: z.record(z.string(), z.string()).exactOptional(),
  platform: PlatformSchema.exactOptional(),
  artifactType: MediaTypeSchema.exactOptional(),
  data: z.base64().exactOptional(),
});

export const DESCRIPTOR_FIELDS: readonly string[] = Object.keys(Fields.shape);

/** OCI image specification, "Descriptor"; `size` in bytes; `data` in base64; unknown fields are kept. */
export const DescriptorSchema = z.preprocess(dropNulls, Fields);

export type Descriptor = z.infer<typeof DescriptorSchema>;
