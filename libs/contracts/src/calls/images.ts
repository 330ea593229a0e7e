import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RemoveOutcomeSchema } from '../bodies/remove';
import { defineCall } from '../define-call';
import { MomentSchema } from '../moment';
import { RepositoryPatternSchema, TagPatternSchema } from '../name-pattern';
import { plainText } from '../plain-text';

/** An image as a list shows it: one row for a repository and a digest, with all its tags there. Sizes are bytes. */
export const ImageSchema = z.object({
  repository: z.string(),
  tags: z.array(z.string()),
  digest: DigestSchema,
  /** The image's ID: the digest of its manifest or index. */
  id: DigestSchema,
  mediaType: z.string(),
  /** The size of all it refers to that is held here, each blob once. */
  size: z.number().int(),
  /** Whether every blob of it (of every held platform) is here. */
  complete: z.boolean(),
  platforms: z.array(z.string()),
  /** When it came here. */
  createdAt: z.iso.datetime(),
  /** How often clients got it, as far as it was counted. */
  pulls: z.number().int().nonnegative(),
  /** When it was last pulled, by a client or by message. */
  pulledAt: z.iso.datetime().nullable(),
  source: z.enum(['pushed', 'fetched']),
});
export type Image = z.output<typeof ImageSchema>;

/** `key`, or `key=value`. */
const LabelFilterSchema = plainText(4400).min(1);

/** What a list of images is narrowed to; all of it must hold. Sizes are bytes. */
export const ImageFilterSchema = z.object({
  repository: RepositoryPatternSchema.optional(),
  tag: TagPatternSchema.optional(),
  labels: z.array(LabelFilterSchema).max(16).optional(),
  platform: plainText(200).optional(),
  /** No tag names it. */
  dangling: z.boolean().optional(),
  /** A container uses it, or one that it lists. */
  inUse: z.boolean().optional(),
  /** When it came here. */
  before: MomentSchema.optional(),
  since: MomentSchema.optional(),
  minSize: z.number().int().nonnegative().optional(),
  maxSize: z.number().int().nonnegative().optional(),
});
export type ImageFilter = z.output<typeof ImageFilterSchema>;

/** `name`: by repository name, then digest; the others by what is newest, last pulled, or largest first. */
export const ImageSortSchema = z.enum(['name', 'created', 'pulled', 'size']);
export type ImageSort = z.output<typeof ImageSortSchema>;

/** Sizes and pulls are no key of any index: a list by them sorts what matches, and no more of it than this. */
export const MOST_SORTED = 2_000;

/**
 * Images in pages; children of an index are not listed by themselves unless tagged. A page with a filter looks at so many
 * and no more: it may be short, or empty, and have a next one. Throws INVALID where more match than can be sorted or
 * measured.
 */
export const ListImages = defineCall('metadata.list-images', {
  question: ImageFilterSchema.extend({
    sort: ImageSortSchema.default('name'),
    after: plainText(1000).optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  answer: z.object({ images: z.array(ImageSchema), next: z.string().nullable() }),
});

/**
 * Carries out the next part of a remove of many images: their names go (one tag; or, by digest or id, the image with all
 * its tags in that repository), and what they held is queued for review in the same transaction. Acts on what the
 * references named when the operation was accepted. A prune of many containers goes by the same command: then only
 * their count is answered. Ends the operation with its last part; until then there is `more`.
 */
export const RemoveImage = defineCall('metadata.remove-image', {
  question: z.object({ id: z.uuid(), epoch: z.number().int() }),
  answer: RemoveOutcomeSchema.pick({ removed: true, removedCount: true }).extend({ more: z.boolean() }),
});
