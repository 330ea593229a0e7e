import { cancelled } from '#oci/registry-error';

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/** Told when memory runs out: whoever gathers at least `share` bytes sends them to the store now. */
export type PressureListener = (share: number) => void;

/**
 * Bounds the bytes that all writers of this process hold in memory. Whoever wants more waits, and so does the stream
 * it reads. Nobody waits for ever: under pressure each writer that gathers a share sends it off, and what the others
 * gather is less than half of the whole, so the rest is on its way to the store and comes back.
 */
export class MemoryBudget {
  private free: number;
  private readonly waiting: Waiter[] = [];
  private readonly listeners = new Set<PressureListener>();

  constructor(private readonly total: number) {
    this.free = total;
  }

  /** The most that may be asked for at once: with more, what others gather could stand in its way for ever. */
  get largestPiece(): number {
    return Math.max(1, Math.floor(this.total / 4));
  }

  get held(): number {
    return this.total - this.free;
  }

  /** Listens until the function that it answers is called. */
  onPressure(listener: PressureListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Answers at once unless memory is short. Throws the signal's reason. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.waiting.length === 0 && bytes <= this.free) return this.grant(bytes);
    await this.wait(bytes, signal);
  }

  give(bytes: number): void {
    this.free += bytes;
    while (this.waiting.length > 0 && this.waiting[0]!.bytes <= this.free) {
      const waiter = this.waiting.shift()!;
      this.grant(waiter.bytes);
      waiter.admit();
    }
  }

  private grant(bytes: number): void {
    this.free -= bytes;
  }

  private async wait(bytes: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const abort = () => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        reject(signal.reason ?? cancelled('the wait for memory'));
      };
      const waiter: Waiter = {
        bytes,
        admit: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      this.waiting.push(waiter);
      const share = Math.floor(this.total / (2 * Math.max(1, this.listeners.size)));
      for (const listener of [...this.listeners]) listener(share);
    });
  }
}
