import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { TagSchema } from '#oci/tag';
import { referenceText } from '../bodies/reference-text';
import { defineCall } from '../define-call';
import { RepositoryPatternSchema, TagPatternSchema } from '../name-pattern';
import { plainText } from '../plain-text';
import { PrincipalSchema } from '../principal';

const limit = z.number().int().min(1).max(1000);

/** A tag, what it names, and who had it do so. */
export const HeldTagSchema = z.object({
  repository: z.string(),
  name: TagSchema,
  digest: DigestSchema,
  /** When it came to name this digest, by whom, and in which operation; null where no operation did. */
  movedAt: z.iso.datetime(),
  movedBy: PrincipalSchema.nullable(),
  operation: z.uuid().nullable(),
  /** When its upstream last confirmed it; null for one of our own. */
  confirmedAt: z.iso.datetime().nullable(),
});
export type HeldTag = z.output<typeof HeldTagSchema>;

/**
 * Tags of a repository by name, in the order of bytes. Where a pattern fits few of many, a page may have fewer than
 * `limit`, or none, and a next one all the same. NAME_UNKNOWN; INVALID for a cursor of another making.
 */
export const ListHeldTags = defineCall('metadata.list-held-tags', {
  question: z.object({
    repository: RepositoryNameSchema,
    pattern: TagPatternSchema.optional(),
    after: plainText(128).optional(),
    limit,
  }),
  answer: z.object({ tags: z.array(HeldTagSchema), next: z.string().nullable() }),
});

/** One move of a tag. `from` is null where it was new, `to` where it was taken away. */
export const TagMoveSchema = z.object({
  repository: z.string(),
  tag: TagSchema,
  from: DigestSchema.nullable(),
  to: DigestSchema.nullable(),
  movedAt: z.iso.datetime(),
  movedBy: PrincipalSchema,
  operation: z.uuid().nullable(),
  /** Whether `to` is held there now, so that the tag can go back to it. */
  held: z.boolean(),
});

/** What a tag named, the newest first, also after it was taken away. NOT_FOUND where there never was such a tag. */
export const ListTagMoves = defineCall('metadata.list-tag-moves', {
  question: z.object({
    reference: referenceText('the tag, as one types it: node:22, localhost:5050/team/app:1'),
    after: plainText(20).optional(),
    limit,
  }),
  answer: z.object({ moves: z.array(TagMoveSchema), next: z.string().nullable() }),
});

/** A repository as a list shows it. What is counted says as of when; all of it is null before it was counted first. */
export const RepositorySchema = z.object({
  name: z.string(),
  /** The domain of the registry that it is fetched from; null for one of our own. */
  upstream: z.string().nullable(),
  private: z.boolean(),
  createdAt: z.iso.datetime(),
  counted: z
    .object({
      /** Manifests and indexes that it shows, tags, and blobs of it that are held. */
      manifests: z.number().int(),
      tags: z.number().int(),
      blobs: z.number().int(),
      /** Of its blobs, each once; `uniqueBytes` of those that no other repository has. */
      bytes: z.number().int(),
      uniqueBytes: z.number().int(),
      pulls: z.number().int(),
      pulledAt: z.iso.datetime().nullable(),
      asOf: z.iso.datetime(),
    })
    .nullable(),
});
export type Repository = z.output<typeof RepositorySchema>;

/** By name, in the order of bytes. Pages as those of `ListHeldTags`: one may be short and have a next one. */
export const ListRepositories = defineCall('metadata.list-repositories', {
  question: z.object({
    pattern: RepositoryPatternSchema.optional(),
    /** Only those of our own, or only those of upstreams. */
    kind: z.enum(['local', 'upstream']).optional(),
    upstream: plainText(255).min(1).optional(),
    private: z.boolean().optional(),
    after: plainText(255).optional(),
    limit,
  }),
  answer: z.object({ repositories: z.array(RepositorySchema), next: z.string().nullable() }),
});
