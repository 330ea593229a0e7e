import { digestOf } from '#oci/digest';
import { digestOfJson, imageManifest } from '#testing/image-parts';
import { Random } from '#testing/random';
import type { ScriptedUpstream } from '#testing/scripted-upstream';

export interface Image {
  readonly digest: string;
  readonly manifest: { readonly mediaType: string };
  /** The config first, then the layers: digests and sizes in bytes. */
  readonly blobs: readonly { readonly digest: string; readonly size: number }[];
}

const KIB = 1024;
/** Layers that images of all clients share: what one lets go another still needs. */
const SHARED = [1, 3, 9, 30, 90, 200, 300, 500, 800, 1200, 2, 40, 60, 120, 3000, 5000];

const ownLayer = (random: Random) => random.bytes(KIB * (1 + random.below(400)));

/** Images like no others, of layers that many of them have. */
export class Contents {
  private readonly layers: readonly Buffer[];
  private made = 0;

  constructor(
    private readonly upstream: ScriptedUpstream,
    seed: number,
  ) {
    const random = Random.of(seed, 'layers');
    this.layers = SHARED.map((size) => random.bytes(size * KIB + random.below(KIB)));
    for (const layer of this.layers) upstream.addBlob(layer);
  }

  /** Of the layers that this client's random numbers pick, and sometimes one of its own. */
  make(random: Random, label: string): Image {
    const shared = random.shuffle(this.layers).slice(0, 1 + random.below(3));
    return this.imageOf(label, shared, random.chance(0.4) ? [ownLayer(random)] : []);
  }

  /** Of layers that no other image has. */
  makeOwn(random: Random, label: string, layers: number): Image {
    return this.imageOf(
      label,
      [],
      Array.from({ length: layers }, () => ownLayer(random)),
    );
  }

  private imageOf(label: string, shared: readonly Buffer[], own: readonly Buffer[]): Image {
    this.made += 1;
    const salt = `${label} ${this.made}`;
    const config = Buffer.from(
      JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Labels: { salt, app: label } } }),
    );
    const parts = [config, ...shared, ...own];
    for (const part of [config, ...own]) this.upstream.addBlob(part);
    const manifest = imageManifest(config, ...shared, ...own);
    const blobs = parts.map((part) => ({ digest: digestOf(part), size: part.length }));
    return { digest: digestOfJson(manifest), manifest, blobs };
  }

  offer(path: string, tag: string, { manifest }: Image): void {
    this.upstream.addManifest(path, tag, manifest);
  }
}
