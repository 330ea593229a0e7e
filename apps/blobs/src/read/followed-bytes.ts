import { createHash, type Hash } from 'node:crypto';
import type { Stretch } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';
import { type Digest, digestAlgorithm, digestHex } from '#oci/digest';
import { cancelled, RegistryError } from '#oci/registry-error';
import { type BlobDriver, MissingBytes } from '../driver/blob-driver';
import { coveredUntil } from '../upload/extent-coverage';
import type { FollowedObject } from './followed-object';
import { bytesAreGone } from './settled-objects';

/** What a whole read of unverified bytes keeps back until they are verified. */
export const WITHHELD_BYTES = 64 * 1024;

/**
 * Bytes of an object while it is written. A whole read takes committed extents, and what a writer has in memory, here
 * or where it answers; it withholds its end until the object is verified, and compares its own hash first: that
 * writer may have been overtaken by one that wrote something else. A stretch takes committed extents only.
 */
export class FollowedBytes implements ByteSource {
  private readonly stop = new AbortController();
  private readonly hash: Hash | null;
  private position: number;
  private verified = false;
  private committed: ByteSource | null = null;

  constructor(
    private readonly followed: FollowedObject,
    private readonly stretch: Stretch,
    private readonly promised: { readonly digest: Digest; readonly size: number },
    private readonly whole: boolean,
    private readonly driver: BlobDriver,
  ) {
    this.position = stretch.start;
    this.hash = whole ? createHash(digestAlgorithm(promised.digest)) : null;
  }

  async next(): Promise<Buffer | null> {
    for (;;) {
      if (this.stop.signal.aborted) throw cancelled('the read');
      if (this.whole && !this.verified && this.position >= this.limit) return this.verifiedEnd();
      if (this.position >= this.stretch.end) return null;
      const chunk = (await this.fromStore()) ?? this.fromTail();
      if (chunk) return this.passed(chunk);
      await this.more();
    }
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.committed?.close();
  }

  /** How far bytes may be given away before all of them are verified. */
  private get limit(): number {
    return this.whole ? Math.max(0, this.promised.size - WITHHELD_BYTES) : this.stretch.end;
  }

  private passed(chunk: Buffer): Buffer {
    this.position += chunk.length;
    this.hash?.update(chunk);
    return chunk;
  }

  private async fromStore(end = this.limit): Promise<Buffer | null> {
    const { followed, position } = this;
    if (!this.committed) {
      const until = Math.min(coveredUntil(followed.committed, position), end);
      if (until <= position) return null;
      this.committed = this.driver.read(followed.id, followed.committed, { start: position, end: until });
    }
    try {
      const chunk = await this.committed.next();
      if (chunk) return chunk;
    } catch (error) {
      throw error instanceof MissingBytes ? bytesAreGone(followed.id, error) : error;
    }
    await this.committed.close();
    this.committed = null;
    return this.fromStore(end);
  }

  private fromTail(): Buffer | null {
    if (!this.whole) return null;
    return this.followed.tail?.piece(this.position)?.subarray(0, this.limit - this.position) ?? null;
  }

  private async more(): Promise<void> {
    if (this.followed.failure) throw this.followed.failure;
    await this.followed.nextChange(this.stop.signal);
  }

  /** The last bytes, once the object is verified and all that was sent hashes to its digest; null of an empty object. */
  private async verifiedEnd(): Promise<Buffer | null> {
    while (!this.followed.settled) {
      await this.more();
      if (this.stop.signal.aborted) throw cancelled('the read');
    }
    const parts: Buffer[] = [];
    for (let left = this.stretch.end - this.position; left > 0; left = this.stretch.end - this.position) {
      const chunk = await this.fromStore(this.stretch.end);
      if (!chunk) throw bytesAreGone(this.followed.id);
      parts.push(this.passed(chunk));
    }
    this.mustMatch();
    this.verified = true;
    return parts.length > 0 ? Buffer.concat(parts) : null;
  }

  private mustMatch(): void {
    const { digest, size } = this.promised;
    const { view } = this.followed;
    const same = view.digest === digest && view.size === size && this.hash?.digest('hex') === digestHex(digest);
    if (same) return;
    throw new RegistryError('DIGEST_INVALID', 'what was sent while the blob was being written is not what was stored');
  }
}
