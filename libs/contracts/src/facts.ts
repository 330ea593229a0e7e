import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { ContainerOutcomeSchema, ContainerStateSchema } from './bodies/container';
import { MOST_NAMES } from './bodies/remove';
import { GC_RUN_KINDS, GC_RUN_STATES } from './calls/runs';
import { defineFact } from './define-message';
import { OperationErrorSchema, OperationKindSchema } from './operation';
import { PrincipalSchema } from './principal';

export const FACT_STREAM = 'ENTREPOT_FACTS';
export const FACT_SUBJECTS = 'entrepot.fact.>';

const operation = {
  operation: z.uuid(),
  kind: OperationKindSchema,
  principal: PrincipalSchema,
  request: z
    .string()
    .max(256)
    .optional()
    .describe('the id that the request was sent under: its sender knows it by that'),
};
const image = { repository: z.string(), digest: DigestSchema };
/** An entry of the trash, and the first of its tags. */
const trashed = { trash: z.uuid(), tags: z.array(z.string()).max(MOST_NAMES), tagCount: z.number().int() };

export const OperationAccepted = defineFact('operation.accepted', 'A request was taken in', z.object(operation));
export const OperationCompleted = defineFact(
  'operation.completed',
  'An operation ended well',
  z.object({ ...operation, outcome: z.record(z.string(), z.unknown()) }),
);
export const OperationFailed = defineFact(
  'operation.failed',
  'An operation ended without its effect',
  z.object({ ...operation, error: OperationErrorSchema }),
);
export const OperationCancelled = defineFact('operation.cancelled', 'An operation was called off', z.object(operation));

export const ManifestCommitted = defineFact(
  'manifest.committed',
  'A manifest became visible in a repository',
  z.object({ ...image, mediaType: z.string(), size: z.number().int() }),
);
export const ManifestRemoved = defineFact('manifest.removed', 'A manifest left a repository', z.object(image));
export const TagMoved = defineFact(
  'tag.moved',
  'A tag names another manifest than before, or its first',
  z.object({ repository: z.string(), tag: z.string(), from: DigestSchema.nullable(), to: DigestSchema }),
);
export const TagRemoved = defineFact(
  'tag.removed',
  'A tag was taken away',
  z.object({ repository: z.string(), tag: z.string(), from: DigestSchema }),
);
export const ImageTrashed = defineFact(
  'image.trashed',
  'An image or some of its tags were removed, and can be had back until then',
  z.object({ ...image, ...trashed, until: z.iso.datetime() }),
);
export const ImageRestored = defineFact(
  'image.restored',
  'What was removed is back, under the tags that it had',
  z.object({ ...image, ...trashed }),
);
/** The bytes of a manifest are all here. */
export const ImageCompleted = defineFact('image.completed', 'All bytes of an image are held', z.object(image));
export const BlobWanted = defineFact(
  'blob.wanted',
  'A blob is to be fetched from its upstream',
  z.object({ digest: DigestSchema, upstream: z.string(), size: z.number().int() }),
);
export const BlobStored = defineFact(
  'blob.stored',
  'A verified blob is held',
  z.object({ digest: DigestSchema, size: z.number().int() }),
);
export const BlobFailed = defineFact(
  'blob.failed',
  'A blob could not be fetched',
  z.object({ digest: DigestSchema, upstream: z.string(), error: OperationErrorSchema }),
);
/** `images`: some of those that are not whole without it, and some of their tags. */
export const BlobLost = defineFact(
  'blob.lost',
  'Bytes of a blob are missing or wrong; nobody is given them',
  z.object({
    digest: DigestSchema,
    size: z.number().int(),
    object: z.uuid(),
    reason: z.string(),
    images: z.array(z.object({ repository: z.string(), digest: DigestSchema, tags: z.array(z.string()) })).max(20),
    refetching: z.string().nullable().describe('the upstream that it comes from again'),
  }),
);
export const BlobCondemned = defineFact(
  'blob.condemned',
  'Nothing needs a blob any more; its bytes go after the grace',
  z.object({ digest: DigestSchema, size: z.number().int(), object: z.uuid() }),
);
export const BlobPurged = defineFact(
  'blob.purged',
  'The bytes of an object left the store',
  z.object({ object: z.uuid(), bytes: z.number().int() }),
);

/** `reporter` is who reports it; null for one that was made here. */
const container = ContainerOutcomeSchema.extend({ reporter: z.string().nullable() });

export const ContainerCreated = defineFact('container.created', 'A container uses an image', container);
export const ContainerChanged = defineFact(
  'container.changed',
  'A container has another state, name or image',
  container.extend({ from: z.object({ name: z.string(), state: ContainerStateSchema }) }),
);
export const ContainerRemoved = defineFact('container.removed', 'A container is gone; its image stays', container);
export const GcStarted = defineFact(
  'gc.started',
  'Cleanup found something to do, or a prune began',
  z.object({ run: z.uuid(), kind: z.enum(GC_RUN_KINDS) }),
);
export const GcEnded = defineFact(
  'gc.ended',
  'A run of cleanup ended',
  z.object({
    run: z.uuid(),
    kind: z.enum(GC_RUN_KINDS),
    state: z.enum(GC_RUN_STATES),
    seen: z.number().int(),
    removed: z.number().int(),
    removedBytes: z.number().int().optional(),
    condemned: z.number().int(),
    condemnedBytes: z.number().int(),
    purged: z.number().int(),
    purgedBytes: z.number().int(),
    errors: z.number().int(),
    lastError: z.string().nullable().optional().describe('why it failed, or what went wrong last'),
  }),
);
export const GcPaused = defineFact(
  'gc.paused',
  'Cleanup was told to stop until it is resumed',
  z.object({ principal: z.string() }),
);
export const GcResumed = defineFact('gc.resumed', 'Cleanup may go on', z.object({ principal: z.string() }));

/** Every fact there is, by its subject. */
export const FACTS = [
  OperationAccepted,
  OperationCompleted,
  OperationFailed,
  OperationCancelled,
  ManifestCommitted,
  ManifestRemoved,
  TagMoved,
  TagRemoved,
  ImageTrashed,
  ImageRestored,
  ImageCompleted,
  BlobWanted,
  BlobStored,
  BlobFailed,
  BlobLost,
  BlobCondemned,
  BlobPurged,
  ContainerCreated,
  ContainerChanged,
  ContainerRemoved,
  GcStarted,
  GcEnded,
  GcPaused,
  GcResumed,
] as const;
