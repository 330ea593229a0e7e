import type { Readable } from 'node:stream';

const QUEUED_BYTES = 256 * 1024;

/**
 * Takes a stream's chunks one by one, and can stop waiting for the next at any time. Chunks come as the stream has
 * them (to `read` them would join them by copying), a few ahead. It never destroys the stream: on a request's stream
 * the answer to a refused writer must still be sent.
 */
export class StreamIntake {
  private readonly queue: Buffer[] = [];
  private queued = 0;
  private ended: boolean;
  private failure: Error | null;
  private wake: () => void = () => {};
  private readonly listeners: Record<string, (given: never) => void> = {
    data: (chunk: unknown) => this.arrive(chunk),
    end: () => {
      this.ended = true;
      this.wake();
    },
    error: (error: Error) => this.fail(error),
    close: () => this.fail(new Error('the stream closed before its end')),
  };

  constructor(private readonly stream: Readable) {
    this.ended = stream.readableEnded;
    this.failure = stream.errored ?? (stream.destroyed && !this.ended ? new Error('the stream was closed') : null);
    for (const [event, listener] of Object.entries(this.listeners)) stream.on(event, listener as () => void);
  }

  /** Null at the end. Throws the signal's reason, or what the stream failed with, once all that came before is taken. */
  async next(signal: AbortSignal): Promise<Buffer | null> {
    for (;;) {
      signal.throwIfAborted();
      const chunk = this.queue.shift();
      if (chunk) return this.taken(chunk);
      if (this.failure) throw this.failure;
      if (this.ended) return null;
      await this.event(signal);
    }
  }

  release(): void {
    for (const [event, listener] of Object.entries(this.listeners)) this.stream.off(event, listener as () => void);
    this.stream.pause();
  }

  private arrive(chunk: unknown): void {
    const bytes = toBuffer(chunk);
    this.queue.push(bytes);
    this.queued += bytes.length;
    if (this.queued >= QUEUED_BYTES) this.stream.pause();
    this.wake();
  }

  private taken(chunk: Buffer): Buffer {
    this.queued -= chunk.length;
    if (this.queued < QUEUED_BYTES && this.stream.isPaused()) this.stream.resume();
    return chunk;
  }

  private fail(error: Error): void {
    if (!this.ended) this.failure ??= error;
    this.wake();
  }

  private async event(signal: AbortSignal): Promise<void> {
    const waited = new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    signal.addEventListener('abort', this.wake, { once: true });
    await waited;
    signal.removeEventListener('abort', this.wake);
  }
}

function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(String(chunk));
}
