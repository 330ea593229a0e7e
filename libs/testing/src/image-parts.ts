import { randomBytes } from 'node:crypto';
import { type Digest, digestOf } from '#oci/digest';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '#oci/media-type';

/** An image manifest over these blobs, the first one its config. */
export function imageManifest(config: Buffer, ...layers: Buffer[]) {
  const describe = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  });
  return {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe(OCI_CONFIG, config),
    layers: layers.map((layer) => describe(OCI_LAYER_GZIP, layer)),
  };
}

/** An index over manifests: digest and size of each, and the platform `os/architecture` it is for. */
export function imageIndex(
  ...children: { manifest: object; platform?: string; annotations?: Record<string, string> }[]
) {
  return {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: children.map(({ manifest, platform, annotations }) => {
      const bytes = Buffer.from(JSON.stringify(manifest));
      const [os, architecture] = platform?.split('/') ?? [];
      const mediaType = (manifest as { mediaType: string }).mediaType;
      return {
        mediaType,
        digest: digestOf(bytes),
        size: bytes.byteLength,
        ...(platform === undefined ? {} : { platform: { os, architecture } }),
        ...(annotations === undefined ? {} : { annotations }),
      };
    }),
  };
}

export function someBytes(size: number): Buffer {
  return randomBytes(size);
}

export function digestOfJson(json: object): Digest {
  return digestOf(Buffer.from(JSON.stringify(json)));
}
