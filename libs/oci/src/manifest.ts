import {
  MANIFEST_FIELDS,
  type RawManifest,
  refuseMisspelt,
  refuseSchema1,
  refuseTooMany,
  refuseTwoShapes,
  verifyDescriptors,
} from './check-manifest';
import type { Descriptor } from './descriptor';
import { isConfig, isForeignLayer, isImageIndex, isImageManifest, isLayer } from './media-type';
import { agreedMediaType, readImage, readIndex, readObject, readOther } from './read-manifest';
import { sizeInvalid } from './registry-error';

interface ManifestCommon {
  readonly mediaType: string;
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageManifest extends ManifestCommon {
  readonly kind: 'image';
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface ImageIndex extends ManifestCommon {
  readonly kind: 'index';
  readonly manifests: readonly Descriptor[];
}

/** Of a type we do not know. What it plainly lists is read where it reads as descriptors, and passed over where it does not. */
export interface OtherManifest extends ManifestCommon {
  readonly kind: 'other';
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
}

export type Manifest = ImageManifest | ImageIndex | OtherManifest;

export interface BlobReference {
  readonly descriptor: Descriptor;
  readonly role: 'config' | 'layer';
  /** Its own `urls` serve it: the manifest is whole without it. */
  readonly foreign: boolean;
}

export interface ManifestReferences {
  /** The config first, then the layers in their order; each digest once. */
  readonly blobs: readonly BlobReference[];
  /** Manifests that an index lists, in their order; each digest once. */
  readonly children: readonly Descriptor[];
  readonly subject?: Descriptor;
}

export interface ManifestLimits {
  /** Bytes of the manifest. */
  readonly maxBytes: number;
  /** Descriptors in all its lists. */
  readonly maxDescriptors: number;
  /** Nested lists and objects. */
  readonly maxDepth: number;
}

export const MANIFEST_LIMITS: ManifestLimits = { maxBytes: 4 * 1024 * 1024, maxDescriptors: 10_000, maxDepth: 64 };

/**
 * Reads a manifest for what it refers to. Its bytes are what its digest names: they are kept as they came, and never written anew from this.
 * `contentType` is the header it came with, and must agree with the `mediaType` it states.
 * Throws SIZE_INVALID above `maxBytes`, else MANIFEST_INVALID naming the field and the rule.
 */
export function parseManifest(bytes: Uint8Array, contentType?: string, limits: Partial<ManifestLimits> = {}): Manifest {
  const { maxBytes, maxDescriptors, maxDepth } = { ...MANIFEST_LIMITS, ...limits };
  if (bytes.byteLength > maxBytes) throw sizeInvalid('a manifest', maxBytes, bytes.byteLength);
  const raw = readObject(bytes, maxDepth);
  refuseMisspelt(raw, MANIFEST_FIELDS, '');
  const mediaType = agreedMediaType(raw, contentType);
  refuseSchema1(raw, mediaType);
  refuseTwoShapes(raw);
  refuseTooMany(raw, maxDescriptors);
  const manifest = shape(raw, mediaType);
  verifyDescriptors(descriptorsOf(manifest));
  return manifest;
}

function shape(raw: RawManifest, mediaType: string): Manifest {
  if (isImageManifest(mediaType)) return { kind: 'image', mediaType, ...readImage(raw, mediaType) };
  if (isImageIndex(mediaType)) return { kind: 'index', mediaType, ...readIndex(raw, mediaType) };
  return { kind: 'other', mediaType, ...readOther(raw) };
}

function* descriptorsOf(manifest: Manifest): Generator<[at: string, Descriptor]> {
  if (manifest.subject) yield ['subject', manifest.subject];
  if (manifest.kind !== 'index' && manifest.config) yield ['config', manifest.config];
  if (manifest.kind !== 'index') for (const [at, layer] of manifest.layers.entries()) yield [`layers[${at}]`, layer];
  if (manifest.kind !== 'image')
    for (const [at, child] of manifest.manifests.entries()) yield [`manifests[${at}]`, child];
}

/** What a manifest keeps alive, and where it says it belongs. */
export function manifestReferences(manifest: Manifest): ManifestReferences {
  const config = manifest.kind === 'index' ? undefined : manifest.config;
  const layers = manifest.kind === 'index' ? [] : manifest.layers;
  const entries = manifest.kind === 'image' ? [] : manifest.manifests;
  const blobs = [
    ...(config ? [blob(config, 'config')] : []),
    ...layers.map((layer) => blob(layer, 'layer')),
    ...entries.filter(isBlobEntry).map((entry) => blob(entry, isConfig(entry.mediaType) ? 'config' : 'layer')),
  ];
  return {
    blobs: onceEach(blobs),
    children: uniqueChildren(entries.filter((entry) => !isBlobEntry(entry))),
    ...(manifest.subject ? { subject: manifest.subject } : {}),
  };
}

/** An index may list blobs, as BuildKit's registry cache does: they are no manifests to be asked for. */
function isBlobEntry({ mediaType }: Descriptor): boolean {
  return isLayer(mediaType) || isConfig(mediaType);
}

function blob(descriptor: Descriptor, role: BlobReference['role']): BlobReference {
  return { descriptor, role, foreign: role === 'layer' && isForeignLayer(descriptor.mediaType) };
}

/** The first of a digest stands, but it is foreign only if it is nowhere listed as ours. */
function onceEach(blobs: readonly BlobReference[]): BlobReference[] {
  const byDigest = new Map<string, BlobReference>();
  for (const next of blobs) {
    const first = byDigest.get(next.descriptor.digest);
    byDigest.set(next.descriptor.digest, first ? { ...first, foreign: first.foreign && next.foreign } : next);
  }
  return [...byDigest.values()];
}

function uniqueChildren(children: readonly Descriptor[]): Descriptor[] {
  const seen = new Set<string>();
  return children.filter(({ digest }) => !seen.has(digest) && seen.add(digest));
}
