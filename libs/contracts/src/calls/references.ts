import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { referenceText } from '../bodies/reference-text';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';

/** As many of a kind as one answer names; `…More` says that there are others. */
export const MOST_REFERENCES = 100;

/** What shows a manifest: the repository, its tags there, and those of the index that lists it, if one does. */
const ShownSchema = z.object({
  repository: z.string(),
  tags: z.array(z.string()),
  /** The index through which it is part of an image; null where it is one by itself. */
  index: DigestSchema.nullable(),
});

/** What is known of a blob: its bytes, who may read it, what lists it, and what keeps it. */
export const BlobReferencesSchema = z.object({
  digest: DigestSchema,
  /** Of its bytes, or as its manifests say it. */
  size: z.number().int().nonnegative(),
  /**
   * `held`: its bytes are here. `lost`: they should be. `condemned`: nothing needs them, they go at `goesAt`.
   * `coming`: it is being fetched. `absent`: manifests list it, and it was never fetched.
   */
  state: z.enum(['held', 'lost', 'condemned', 'coming', 'absent']),
  storedAt: z.iso.datetime().nullable(),
  goesAt: z.iso.datetime().nullable(),
  /** Who may read it, since when, and from which upstream they have it. */
  repositories: z.array(z.object({ repository: z.string(), since: z.iso.datetime(), upstream: z.string().nullable() })),
  repositoriesMore: z.boolean(),
  /** The manifests that list it, with the images that these are or are part of. */
  manifests: z.array(
    z.object({
      digest: DigestSchema,
      role: z.enum(['config', 'layer']),
      mediaType: z.string(),
      /** Whether it holds the bytes: they stay for as long as it does. */
      holds: z.boolean(),
      images: z.array(ShownSchema),
    }),
  ),
  manifestsMore: z.boolean(),
  /** Why its bytes stay now. A manifest keeps them while it is here; the others until a time. */
  keptBy: z.array(
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('manifest'), digest: DigestSchema }),
      z.object({ kind: z.literal('pin'), repository: z.string(), until: z.iso.datetime() }),
      z.object({ kind: z.literal('reader'), until: z.iso.datetime() }),
    ]),
  ),
  keptByMore: z.boolean(),
  /** When it is next looked at whether it stays; null where nothing has asked for that. */
  reviewAt: z.iso.datetime().nullable(),
});
export type BlobReferences = z.output<typeof BlobReferencesSchema>;

/** NOT_FOUND where nothing here has that digest or lists it. */
export const DescribeBlob = defineCall('metadata.describe-blob', {
  question: z.object({ digest: DigestSchema }),
  answer: BlobReferencesSchema,
});

const LayerSchema = z.object({ digest: DigestSchema, size: z.number().int().nonnegative() });

/** Another manifest that holds some of an image's layers. */
export const SharingSchema = z.object({
  digest: DigestSchema,
  /** The layers that both hold, and their bytes together. */
  layers: z.array(LayerSchema),
  bytes: z.number().int().nonnegative(),
  images: z.array(ShownSchema),
});

/** An image, its layers, and others that have some of them. */
export const SharedLayersSchema = z.object({
  image: z.object({ repository: z.string(), digest: DigestSchema }),
  /** Of its layers that are here, each once, and of those among them that others have too. */
  layerBytes: z.number().int().nonnegative(),
  sharedBytes: z.number().int().nonnegative(),
  layers: z.array(LayerSchema.extend({ shared: z.boolean() })),
  sharing: z.array(SharingSchema),
});

/**
 * Which other images have layers of this one, by the digest of their manifests, in pages. Bytes are those that lie here
 * once and are used by both. Throws what naming an image throws.
 */
export const ListSharedLayers = defineCall('metadata.list-shared-layers', {
  question: z.object({
    reference: referenceText('the image: a name, a digest, an id or the beginning of one'),
    after: plainText(140).optional(),
    limit: z.number().int().min(1).max(1000),
  }),
  answer: SharedLayersSchema.extend({ next: z.string().nullable() }),
});
export type SharedLayers = z.output<(typeof ListSharedLayers)['answer']>;
