import type { Hash } from 'node:crypto';

const SMALL_BYTES = 16 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** The bytes of one extent while they are in memory: gathered, then on their way to the store. */
export class ExtentBuffer {
  length = 0;
  /** The writer's hash of everything up to this extent's end, once it is closed. */
  hash: Hash | null = null;
  private readonly parts: Buffer[] = [];
  private readonly starts: number[] = [];
  private block: Buffer | null = null;

  constructor(readonly offset: number) {}

  get end(): number {
    return this.offset + this.length;
  }

  get chunks(): readonly Buffer[] {
    return this.parts;
  }

  /** Keeps the chunk itself; a small one is copied together with its neighbours, for a chunk costs more than its bytes. */
  add(chunk: Buffer): void {
    if (chunk.length < SMALL_BYTES) this.copy(chunk);
    else {
      this.block = null;
      this.append(chunk);
    }
  }

  /** What is here from `position` on, as far as one piece reaches; null if `position` is not here. */
  piece(position: number): Buffer | null {
    if (position < this.offset || position >= this.end) return null;
    const wanted = position - this.offset;
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= wanted) low = middle;
      else high = middle - 1;
    }
    return this.parts[low]!.subarray(wanted - this.starts[low]!);
  }

  private append(chunk: Buffer): void {
    this.starts.push(this.length);
    this.parts.push(chunk);
    this.length += chunk.length;
  }

  private copy(chunk: Buffer): void {
    const last = this.parts.length - 1;
    const used = this.block ? this.parts[last]!.length : 0;
    if (this.block && used + chunk.length <= BLOCK_BYTES) {
      chunk.copy(this.block, used);
      this.parts[last] = this.block.subarray(0, used + chunk.length);
      this.length += chunk.length;
      return;
    }
    this.block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    chunk.copy(this.block);
    this.append(this.block.subarray(0, chunk.length));
  }
}
