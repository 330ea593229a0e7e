import { createHash } from 'node:crypto';
import { OCI_MANIFEST } from '#oci/media-type';
import { digestOfJson, imageIndex, imageManifest } from '#testing/image-parts';
import type { ScriptedUpstream } from '#testing/scripted-upstream';

/** Three images that share layers, two indexes that share an image, and what refers to the first. */
export const IMAGES = ['amd', 'arm', 'other', 'index', 'second', 'signature'] as const;
export type Image = (typeof IMAGES)[number];

/** What each index lists, the image of this host first. */
export const CHILDREN: Readonly<Partial<Record<Image, readonly Image[]>>> = {
  index: ['amd', 'arm'],
  second: ['other', 'arm'],
};
export const SUBJECT: Readonly<Partial<Record<Image, Image>>> = { signature: 'amd' };

export const BLOBS: Readonly<Record<Image, readonly string[]>> = {
  amd: ['config of amd', 'base', 'app'],
  arm: ['config of arm', 'base', 'tools'],
  other: ['config of other', 'app', 'more'],
  index: [],
  second: [],
  signature: ['empty', 'signed'],
};

export const isRunnable = (image: Image) => image !== 'signature';
export const childrenOf = (image: Image): readonly Image[] => CHILDREN[image] ?? [];
export const parentsOf = (image: Image) => IMAGES.filter((each) => childrenOf(each).includes(image));
export const referrersOf = (image: Image) => IMAGES.filter((each) => SUBJECT[each] === image);

/** A life's own bytes: those of an earlier one have other digests. */
export class Contents {
  readonly digests: Readonly<Record<Image, string>>;
  readonly blobDigests = new Map<string, string>();
  private readonly names = new Map<string, Image>();
  private readonly manifests: Readonly<Record<Image, { mediaType: string }>>;
  private readonly bytes = new Map<string, Buffer>();

  constructor(private readonly salt: string) {
    const made = this.make();
    this.manifests = made;
    const digests = IMAGES.map((image): [string, string] => [image, digestOfJson(made[image])]);
    this.digests = Object.fromEntries(digests) as Record<Image, string>;
    for (const image of IMAGES) this.names.set(this.digests[image], image);
  }

  /** Gives an upstream all of it, in each of these repositories. */
  fill(upstream: ScriptedUpstream, paths: readonly string[]): void {
    for (const bytes of this.bytes.values()) upstream.addBlob(bytes);
    for (const path of paths) for (const image of IMAGES) upstream.addManifest(path, null, this.manifests[image]);
  }

  tag(upstream: ScriptedUpstream, path: string, tag: string, image: Image): void {
    upstream.addManifest(path, tag, this.manifests[image]);
  }

  /** What the model calls a digest; the digest itself where it is none of these. */
  nameOf(digest: string): string {
    return this.names.get(digest) ?? digest;
  }

  private make(): Record<Image, { mediaType: string }> {
    const run = (os: string, architecture: string, image: Image) => {
      const text = JSON.stringify({ os, architecture, config: { Labels: { image, salt: this.salt } } });
      return imageManifest(this.add(`config of ${image}`, Buffer.from(text)), ...this.layers(image));
    };
    const amd = run('linux', 'amd64', 'amd');
    const arm = run('linux', 'arm64', 'arm');
    const other = run('linux', 'amd64', 'other');
    const list = (manifest: object, platform: string) => ({ manifest, platform });
    return {
      amd,
      arm,
      other,
      index: imageIndex(list(amd, 'linux/amd64'), list(arm, 'linux/arm64')),
      second: imageIndex(list(other, 'linux/amd64'), list(arm, 'linux/arm64')),
      signature: this.sign(amd),
    };
  }

  private sign(subject: object) {
    const empty = this.add('empty', Buffer.from(JSON.stringify({ salt: this.salt })));
    const plain = imageManifest(empty, ...this.layers('signature'));
    const config = { ...plain.config, mediaType: 'application/vnd.example.signature' };
    const digest = digestOfJson(subject);
    const size = Buffer.byteLength(JSON.stringify(subject));
    return { ...plain, config, subject: { mediaType: OCI_MANIFEST, digest, size } };
  }

  private layers(image: Image): Buffer[] {
    return BLOBS[image].slice(1).map((name) => {
      const seed = createHash('sha512').update(`${name} of ${this.salt}`).digest();
      return this.add(name, Buffer.concat(Array.from({ length: 16 + name.length }, () => seed)));
    });
  }

  private add(name: string, bytes: Buffer): Buffer {
    this.bytes.set(name, bytes);
    this.blobDigests.set(name, `sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    return bytes;
  }
}
