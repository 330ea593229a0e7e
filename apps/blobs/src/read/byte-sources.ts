import { BUFFER_BYTES } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';

/** Bytes that are in memory. */
export class MemoryBytes implements ByteSource {
  constructor(private rest: Buffer) {}

  async next(): Promise<Buffer | null> {
    if (this.rest.length === 0) return null;
    const chunk = this.rest.subarray(0, BUFFER_BYTES);
    this.rest = this.rest.subarray(chunk.length);
    return chunk;
  }

  async close(): Promise<void> {
    this.rest = Buffer.alloc(0);
  }
}

/** A source whose first bytes were read already, to know that they are there. */
export class BegunBytes implements ByteSource {
  constructor(
    private first: Buffer | null,
    private readonly rest: ByteSource,
  ) {}

  async next(spare?: Buffer): Promise<Buffer | null> {
    const { first } = this;
    this.first = null;
    return first ?? this.rest.next(spare);
  }

  close(): Promise<void> {
    return this.rest.close();
  }
}
