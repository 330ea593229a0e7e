import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { TagSchema } from '#oci/tag';
import { defineCall } from '../define-call';

/**
 * A client missed a manifest of an upstream's repository, or its tag is older than its TTL: ask the upstream, commit
 * what it names (with fills for its blobs), and answer its digest. One question for all who ask at the same time.
 * Errors: MANIFEST_UNKNOWN, UNAUTHORIZED, DENIED, TOOMANYREQUESTS, UNAVAILABLE, UPSTREAM, TIMEOUT.
 */
export const FetchManifest = defineCall('fetcher.fetch-manifest', {
  question: z.object({
    repository: RepositoryNameSchema,
    reference: z.union([z.object({ tag: TagSchema }), z.object({ digest: DigestSchema })]),
    /** The installations this came through (the `entrepot-hops` header of the client's request, see `#calls/hop-id`). */
    hops: z.array(z.string().max(16)).max(64).default([]),
  }),
  answer: z.object({ digest: DigestSchema, mediaType: z.string(), size: z.number().int() }),
  deadlineMs: 30_000,
});
