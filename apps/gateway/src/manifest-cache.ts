export interface CachedManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** What an entry costs beyond its bytes: its key, its map's node. */
const ENTRY_BYTES = 512;

/**
 * Manifests of a repository by digest, the least recently asked leaving first. It only spares moving bytes: whether
 * the repository still shows a manifest is asked each time.
 */
export class ManifestCache {
  private readonly entries = new Map<string, CachedManifest>();
  private held = 0;

  constructor(private readonly mostBytes: number) {}

  get(repository: string, digest: string): CachedManifest | undefined {
    const key = `${repository}@${digest}`;
    const found = this.entries.get(key);
    if (!found) return undefined;
    this.entries.delete(key);
    this.entries.set(key, found);
    return found;
  }

  set(repository: string, digest: string, manifest: CachedManifest): void {
    const key = `${repository}@${digest}`;
    if (this.entries.has(key) || costOf(manifest) > this.mostBytes) return;
    this.entries.set(key, manifest);
    this.held += costOf(manifest);
    for (const [oldest, { mediaType, bytes }] of this.entries) {
      if (this.held <= this.mostBytes) return;
      this.entries.delete(oldest);
      this.held -= costOf({ mediaType, bytes });
    }
  }
}

function costOf({ bytes }: CachedManifest): number {
  return bytes.byteLength + ENTRY_BYTES;
}
