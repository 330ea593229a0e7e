/** What an entry costs beyond its bytes: its key, its map's node. */
const ENTRY_BYTES = 512;

/**
 * Bytes of a repository's manifests by digest, the least recently asked leaving first. It only spares moving bytes:
 * whether the repository still shows a manifest is asked each time.
 */
export class ManifestCache {
  private readonly entries = new Map<string, Uint8Array>();
  private held = 0;

  constructor(private readonly mostBytes: number) {}

  get(repository: string, digest: string): Uint8Array | undefined {
    const key = `${repository}@${digest}`;
    const found = this.entries.get(key);
    if (!found) return undefined;
    this.entries.delete(key);
    this.entries.set(key, found);
    return found;
  }

  set(repository: string, digest: string, bytes: Uint8Array): void {
    const key = `${repository}@${digest}`;
    if (this.entries.has(key) || costOf(bytes) > this.mostBytes) return;
    this.entries.set(key, bytes);
    this.held += costOf(bytes);
    for (const [oldest, left] of this.entries) {
      if (this.held <= this.mostBytes) return;
      this.entries.delete(oldest);
      this.held -= costOf(left);
    }
  }
}

function costOf(bytes: Uint8Array): number {
  return bytes.byteLength + ENTRY_BYTES;
}
