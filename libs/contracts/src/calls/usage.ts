import { z } from 'zod';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';

const bytes = z.number().int().nonnegative();
const count = z.number().int().nonnegative();
const some = z.object({ count, bytes });

/** What the store holds, in bytes, as `docker system df` shows it. All of it was read at one moment: `asOf`. */
export const UsageSchema = z.object({
  asOf: z.iso.datetime(),
  /** The real size of the store: images, unlisted, uploads, condemned and purging together. */
  bytes,
  /** What can be freed: what no container uses, and what no manifest lists. */
  reclaimableBytes: bytes,
  /** Images as they are listed, `active` those that a container uses; and the bytes that manifests hold. */
  images: z.object({
    count,
    active: count,
    /** Each blob once: `uniqueBytes` of those that one manifest holds, `sharedBytes` of those that several do. */
    bytes,
    uniqueBytes: bytes,
    sharedBytes: bytes,
    /** Of these, what no container uses; and of that, what no tag names either. */
    reclaimableBytes: bytes,
    danglingBytes: bytes,
  }),
  /** Containers are records: they have no bytes here. `active` are those that run or are paused. */
  containers: z.object({ count, active: count, bytes }),
  /** Blobs that no manifest holds: pushed and waiting for theirs, or for their review. */
  unlisted: some,
  /** What is being uploaded or fetched, as far as it came. */
  uploads: some,
  /** What nothing needs any more, in its grace; and what is being taken out of the store. */
  condemned: some,
  purging: some,
  /** Bytes that should be here and are not: no part of the sum. */
  lost: some,
});
export type Usage = z.output<typeof UsageSchema>;

/** Of a repository's blobs that are held; `uniqueBytes` of those that no other repository has. */
export const RepositoryUsageSchema = z.object({
  repository: z.string(),
  manifests: count,
  tags: count,
  blobs: count,
  bytes,
  uniqueBytes: bytes,
});

/**
 * What was counted last, and the repositories, the largest first. A store that is counted within a moment is counted
 * for each question; a larger one now and then. `fresh` has it counted now, and waits.
 */
export const ReadUsage = defineCall('metadata.read-usage', {
  question: z.object({
    fresh: z.boolean().default(false),
    after: plainText(50).optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  answer: z.object({
    usage: UsageSchema.extend({ repositories: z.array(RepositoryUsageSchema) }),
    next: z.string().nullable(),
  }),
  deadlineMs: 120_000,
});
