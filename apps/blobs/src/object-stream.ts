import { Readable } from 'node:stream';
import { BUFFER_BYTES } from '#calls/byte-plane';
import type { ByteSource } from './blob-driver';

/** A source as a stream: what the source throws destroys it, and a destroyed stream releases the source. */
export class ObjectStream extends Readable {
  constructor(
    private readonly source: ByteSource,
    private readonly released: () => void = () => {},
  ) {
    super({ highWaterMark: BUFFER_BYTES });
  }

  override _read(): void {
    this.source.next().then(
      (chunk) => this.push(chunk),
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.released();
    this.source.close().then(
      () => done(error),
      () => done(error),
    );
  }
}
