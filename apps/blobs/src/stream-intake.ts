import type { Readable } from 'node:stream';

/**
 * Takes a stream's chunks one by one, and can stop waiting for the next at any time. It never destroys the stream:
 * on a request's stream the answer to a refused writer must still be sent.
 */
export class StreamIntake {
  private ended: boolean;
  private failure: Error | null;
  private wake: () => void = () => {};
  private readonly listeners: Record<string, (error?: Error) => void> = {
    readable: () => this.wake(),
    end: () => {
      this.ended = true;
      this.wake();
    },
    error: (error) => this.fail(error ?? new Error('the stream failed')),
    close: () => this.fail(new Error('the stream closed before its end')),
  };

  constructor(private readonly stream: Readable) {
    this.ended = stream.readableEnded;
    this.failure = stream.errored ?? (stream.destroyed && !this.ended ? new Error('the stream was closed') : null);
    for (const [event, listener] of Object.entries(this.listeners)) stream.on(event, listener);
  }

  /** Null at the end. Throws what the stream failed with, or the signal's reason. */
  async next(signal: AbortSignal): Promise<Buffer | null> {
    for (;;) {
      signal.throwIfAborted();
      if (this.failure) throw this.failure;
      if (this.ended) return null;
      const chunk: unknown = this.stream.read();
      if (chunk !== null) return toBuffer(chunk);
      await this.event(signal);
    }
  }

  release(): void {
    for (const [event, listener] of Object.entries(this.listeners)) this.stream.off(event, listener);
  }

  private fail(error: Error): void {
    if (!this.ended) this.failure ??= error;
    this.wake();
  }

  private async event(signal: AbortSignal): Promise<void> {
    if (this.ended || this.failure) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      signal.addEventListener('abort', resolve as () => void, { once: true });
    });
    signal.removeEventListener('abort', this.wake);
  }
}

function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError('a stream of bytes is needed');
}
