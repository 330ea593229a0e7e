import { ExtentBuffer } from '../upload/extent-buffer';
import type { Tail } from './followed-object';

const BLOCK_BYTES = 256 * 1024;

/**
 * The newest bytes of a writer in another process, as far as they are kept here. Whoever reads too slowly to find them
 * still here has them once their extents are committed.
 */
export class RemoteTail implements Tail {
  private readonly blocks: ExtentBuffer[];

  constructor(offset: number) {
    this.blocks = [new ExtentBuffer(offset)];
  }

  get end(): number {
    return this.blocks.at(-1)!.end;
  }

  get held(): number {
    return this.end - this.blocks[0]!.offset;
  }

  piece(position: number): Buffer | null {
    for (const block of this.blocks) {
      const piece = block.piece(position);
      if (piece) return piece;
    }
    return null;
  }

  /** Its writer knows by the request that somebody follows. */
  hurry(): void {}

  /** Lets go of the oldest: of what lies before `committed`, and of what is more than `most` bytes. */
  add(chunk: Buffer, committed: number, most: number): void {
    if (this.blocks.at(-1)!.length >= BLOCK_BYTES) this.blocks.push(new ExtentBuffer(this.end));
    this.blocks.at(-1)!.add(chunk);
    while (this.blocks.length > 1 && (this.blocks[0]!.end <= committed || this.held > most)) this.blocks.shift();
  }
}
