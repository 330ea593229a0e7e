import type { Descriptor } from '#oci/descriptor';
import type { Digest } from '#oci/digest';
import { type ImageIndex, type Manifest, manifestReferences, type OtherManifest } from '#oci/manifest';

export interface HeldImage {
  /** The image's own manifest first, then those of its platforms. */
  readonly manifests: Digest[];
  /** The bytes of all their blobs, each once. */
  readonly size: number;
}

/** A manifest that is here; undefined where it is not. */
type ReadHeld = (digest: Digest) => Promise<Manifest | undefined>;

/** The manifests that a pull would commit, if every one of them is here already; else null. */
export async function heldImage(
  top: Digest,
  readHeld: ReadHeld,
  plan: (index: ImageIndex | OtherManifest) => Iterable<Descriptor>,
): Promise<HeldImage | null> {
  const blobs = new Map<Digest, number>();
  const manifests: Digest[] = [top];
  for (const digest of manifests) {
    const manifest = await readHeld(digest);
    if (!manifest) return null;
    for (const { descriptor, foreign } of manifestReferences(manifest).blobs) {
      if (!foreign) blobs.set(descriptor.digest, descriptor.size);
    }
    if (manifest.kind === 'image') continue;
    for (const child of plan(manifest)) if (!manifests.includes(child.digest)) manifests.push(child.digest);
  }
  return { manifests, size: [...blobs.values()].reduce((sum, size) => sum + size, 0) };
}
