import { BUFFER_BYTES } from './byte-plane';

const LEAST_BYTES = 64 * 1024;
const KEPT = 16;
const BUFFERS_A_READ = 2;

/**
 * Buffers of reads. A read has two; they are of 1 MiB, and smaller the more reads there are, so that all of them
 * together keep to their memory. A buffer that is used again costs half the time of a fresh one.
 */
export class ReadBuffers {
  private reads = 0;
  private readonly kept: Buffer[] = [];

  /** `memoryBytes` for all of them together. */
  constructor(private readonly memoryBytes: number) {}

  /** How large a buffer may be now, in bytes. */
  get size(): number {
    const share = this.memoryBytes / (Math.max(1, this.reads) * BUFFERS_A_READ);
    return share >= BUFFER_BYTES ? BUFFER_BYTES : Math.max(LEAST_BYTES, 2 ** Math.floor(Math.log2(share)));
  }

  begin(): void {
    this.reads += 1;
  }

  end(): void {
    this.reads -= 1;
  }

  take(): Buffer {
    const { size } = this;
    const kept = size === BUFFER_BYTES ? this.kept.pop() : undefined;
    return kept ?? Buffer.allocUnsafeSlow(size);
  }

  /** `used` again, or one of the size that is right now. */
  renew(used: Buffer): Buffer {
    return used.length <= this.size ? used : this.take();
  }

  /** Only a buffer that nobody reads any more. */
  giveBack(buffer: Buffer): void {
    if (buffer.length === BUFFER_BYTES && this.kept.length < KEPT) this.kept.push(buffer);
  }
}
