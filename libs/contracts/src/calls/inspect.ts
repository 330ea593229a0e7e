import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { PlatformSchema } from '#oci/platform';
import { RepositoryNameSchema } from '#oci/repository-name';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';

/** As many tags, repositories or containers as an inspected image names; beside them it is said how many there are. */
export const MOST_INSPECTED = 100;

const counted = <Item extends z.ZodType>(item: Item) =>
  z.object({ first: z.array(item).max(MOST_INSPECTED), count: z.number().int().nonnegative() });

/** A manifest of an image: the image itself, or one that its index lists. Sizes are bytes. */
const MemberSchema = z.object({
  digest: DigestSchema,
  mediaType: z.string(),
  platform: PlatformSchema.nullable(),
  artifactType: z.string().nullable(),
  annotations: z.record(z.string(), z.string()),
  /** The manifest is here. */
  held: z.boolean(),
  /** Of its blobs that are here, each once. */
  size: z.number().int().nonnegative(),
  /** Every blob that it must have is here. */
  complete: z.boolean(),
});
export type ImageMember = z.output<typeof MemberSchema>;

/** What is known of an image, by any name of it. Throws INVALID, NOT_FOUND, CONFLICT with the candidates of an id. */
export const InspectImage = defineCall('metadata.inspect-image', {
  question: z.object({ reference: plainText(512) }),
  answer: z.object({
    repository: RepositoryNameSchema,
    tag: z.string().nullable(),
    digest: DigestSchema,
    kind: z.enum(['image', 'index', 'other']),
    subject: DigestSchema.nullable(),
    /** Of all its blobs that are here, each once. */
    size: z.number().int().nonnegative(),
    /** The image itself, or what its index lists in its order. */
    members: z.array(MemberSchema),
    own: MemberSchema,
    /** Every name of the digest, in whichever repository. */
    tags: counted(z.object({ repository: z.string(), tag: z.string(), movedAt: z.iso.datetime() })),
    repositories: counted(z.string()),
    containers: counted(z.object({ id: z.string(), name: z.string(), state: z.string(), repository: z.string() })),
    /** In this repository. */
    upstream: z.string().nullable(),
    createdAt: z.iso.datetime(),
    pulls: z.number().int().nonnegative(),
    pulledAt: z.iso.datetime().nullable(),
  }),
});

/** What a manifest lists, as this repository may read it. `object`: where its config's bytes are; null if not here. */
export const ReadImageParts = defineCall('metadata.read-image-parts', {
  question: z.object({ repository: RepositoryNameSchema, digest: DigestSchema }),
  answer: z.object({
    config: z
      .object({ digest: DigestSchema, mediaType: z.string(), size: z.number().int(), object: z.uuid().nullable() })
      .nullable(),
    layers: z.array(
      z.object({ digest: DigestSchema, mediaType: z.string(), size: z.number().int(), held: z.boolean() }),
    ),
  }),
});
