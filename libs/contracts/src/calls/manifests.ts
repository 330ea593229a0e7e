import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { TagSchema } from '#oci/tag';
import { BytesSchema, defineCall } from '../define-call';
import { plainText } from '../plain-text';

/** Where a fetched manifest or blob came from. Two fetches share bytes only if both fields are equal. */
export const SourceSchema = z.object({
  /** The registry's domain as a reference spells it: `docker.io`, `127.0.0.1:5001`. */
  upstream: plainText(255).min(1),
  /** `anonymous`, or an opaque id of the credential used; never the secret. */
  credential: plainText(64).min(1),
});
export type Source = z.output<typeof SourceSchema>;

/**
 * The first hot question: which manifest has this tag now? Read from the primary by a query sent after the
 * question arrived. Many are asked at once; answers lie in the order of the questions. `null`: no such tag.
 * Saying that a manifest is there pins it for its repository, before it is said.
 */
export const ResolveTags = defineCall('metadata.resolve-tags', {
  question: z.object({
    tags: z.array(z.object({ repository: RepositoryNameSchema, tag: TagSchema })).max(1000),
  }),
  answer: z.object({
    manifests: z.array(
      z
        .object({
          digest: DigestSchema,
          mediaType: z.string(),
          size: z.number().int(),
          /** Milliseconds since the upstream was last asked; `null` for a tag that was pushed here. */
          ageMs: z.number().nullable(),
        })
        .nullable(),
    ),
  }),
});

/** A manifest's bytes, if it is visible in this repository. `bytes` is absent where it is not: then `found` is false. */
export const ReadManifest = defineCall('metadata.read-manifest', {
  question: z.object({ repository: RepositoryNameSchema, digest: DigestSchema }),
  answer: z.object({ found: z.boolean(), mediaType: z.string().default(''), bytes: BytesSchema.optional() }),
});

/**
 * The hot question of a pull by digest: does this repository show this manifest? As `ResolveTags` otherwise. `null`: it
 * does not (then `FetchManifest` may help, where it is an upstream's).
 */
export const FindManifests = defineCall('metadata.find-manifests', {
  question: z.object({
    manifests: z.array(z.object({ repository: RepositoryNameSchema, digest: DigestSchema })).max(1000),
  }),
  answer: z.object({
    manifests: z.array(z.object({ mediaType: z.string(), size: z.number().int() }).nullable()),
  }),
});

/**
 * Commits a fetched manifest with its source before anybody is answered, links in the same transaction what is
 * already here and may be linked, and asks for fills of what is missing.
 * Locks: tag, manifest, blobs sorted by digest. Harmless when repeated.
 */
export const CommitManifest = defineCall('metadata.commit-manifest', {
  question: z.object({
    repository: RepositoryNameSchema,
    source: SourceSchema,
    mediaType: plainText(255),
    digest: DigestSchema,
    bytes: BytesSchema,
    /** The tag that named it, with the time the upstream was asked (milliseconds before this command was sent). */
    tag: z.object({ name: TagSchema, askedMsAgo: z.number().nonnegative() }).optional(),
    /** Start fills for its missing blobs now. */
    fill: z.boolean(),
    /** The operation this is done for, which then is a root of it. STALE if its epoch has passed. */
    operation: z.object({ id: z.uuid(), epoch: z.number().int() }).optional(),
    /** Fetched with a credential: the repository is private by default. */
    isPrivate: z.boolean().default(false),
  }),
  answer: z.object({
    /** Blobs of this manifest that are not yet held. */
    missing: z.array(z.object({ digest: DigestSchema, size: z.number().int() })),
  }),
});

/** Says that the upstream was asked and the tag still names this digest; nothing is written if the tag moved since. */
export const ConfirmTag = defineCall('metadata.confirm-tag', {
  question: z.object({
    repository: RepositoryNameSchema,
    tag: TagSchema,
    digest: DigestSchema,
    askedMsAgo: z.number().nonnegative(),
  }),
  answer: z.object({ confirmed: z.boolean() }),
});

/** Tags of a repository in lexical (byte) order after `after`; `found` is false where there is no such repository. */
export const ListTags = defineCall('metadata.list-tags', {
  question: z.object({
    repository: RepositoryNameSchema,
    after: plainText(128).optional(),
    limit: z.number().int().min(0).max(1000),
  }),
  answer: z.object({ found: z.boolean(), tags: z.array(TagSchema), more: z.boolean() }),
});
