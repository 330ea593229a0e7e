import { createHash } from 'node:crypto';
import { createReadStream, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
export const TAR = 'application/vnd.oci.image.layer.v1.tar';
export const TAR_GZIP = `${TAR}+gzip`;

/** An OCI image layout in a folder: blobs by digest, and an index.json that names one image. */
export class Layout {
  constructor(folder) {
    this.folder = folder;
    mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
  }

  putBytes(mediaType, bytes) {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(this.#path(hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  }

  putJson(mediaType, value) {
    return this.putBytes(mediaType, Buffer.from(JSON.stringify(value)));
  }

  /** The file gets a second name here: large ones are kept once. */
  async linkFile(mediaType, file) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
    const hex = hash.digest('hex');
    linkSync(file, this.#path(hex));
    return { mediaType, digest: `sha256:${hex}`, size: statSync(file).size };
  }

  /** `layers`: `{descriptor, diffId}` from below to above; `platform` as `{architecture, os}`; `config` as Docker runs it. */
  image({ layers, platform, config = {}, annotations }) {
    const described = this.putJson(CONFIG, {
      ...platform,
      created: '2026-01-01T00:00:00Z',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
      history: layers.map(() => ({ created: '2026-01-01T00:00:00Z', created_by: 'scripts/images.mjs' })),
    });
    const manifest = {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: described,
      layers: layers.map((layer) => layer.descriptor),
      ...(annotations && { annotations }),
    };
    return { ...this.putJson(MANIFEST, manifest), platform };
  }

  index(manifests) {
    return this.putJson(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests });
  }

  /** Makes `descriptor` the layout's one image. */
  finish({ mediaType, digest, size }) {
    writeFileSync(join(this.folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    const manifests = [{ mediaType, digest, size, annotations: { 'org.opencontainers.image.ref.name': 'it' } }];
    writeFileSync(join(this.folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  }

  #path(hex) {
    return join(this.folder, 'blobs', 'sha256', hex);
  }
}
