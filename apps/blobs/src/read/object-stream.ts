import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { BUFFER_BYTES } from '#calls/byte-plane';
import type { ByteSource } from '../driver/blob-driver';
import type { ReadBuffers } from './read-buffers';

/** What says that a chunk was taken only when nothing will read it again: then its buffer can be used anew. */
type Sink = ServerResponse | Socket;

/**
 * A source as a stream: what the source throws destroys it, and a destroyed stream releases the source. Piped to a
 * response or a socket it reads into two buffers by turns; whoever else reads it gets chunks of their own.
 */
export class ObjectStream extends Readable {
  private pumping = false;

  constructor(
    private readonly source: ByteSource,
    private readonly buffers: ReadBuffers,
    private readonly released: () => void = () => {},
  ) {
    super({ highWaterMark: buffers.size });
    buffers.begin();
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T, options: { end?: boolean } = {}): T {
    const begun = this.readableFlowing !== null || this.readableLength > 0;
    if (begun || !isSink(destination)) return super.pipe(destination, options);
    this.pumping = true;
    destination.once('close', () => this.destroy());
    if (options.end !== false) this.once('end', () => destination.end());
    destination.emit('pipe', this);
    void this.pump(destination);
    return destination;
  }

  override _read(): void {
    if (this.pumping) return;
    const { size } = this.buffers;
    this.source.next(size < BUFFER_BYTES ? Buffer.allocUnsafeSlow(size) : undefined).then(
      (chunk) => this.push(chunk),
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.buffers.end();
    this.released();
    const end = () => done(error);
    this.source.close().then(end, end);
  }

  /** While one buffer is on its way the other one is filled. */
  private async pump(sink: Sink): Promise<void> {
    const turns = [0, 1].map(() => ({ buffer: this.buffers.take(), sent: Promise.resolve() }));
    try {
      for (let index = 0; ; index = 1 - index) {
        const turn = turns[index]!;
        await turn.sent;
        turn.buffer = this.buffers.renew(turn.buffer);
        const chunk = await this.source.next(turn.buffer);
        if (chunk === null || this.destroyed || sink.destroyed) break;
        turn.sent = new Promise((resolve) => sink.write(chunk, () => resolve()));
      }
      await Promise.all(turns.map(({ sent }) => sent));
      for (const { buffer } of turns) this.buffers.giveBack(buffer);
      this.push(null);
      this.resume();
    } catch (error) {
      this.destroy(error as Error);
    }
  }
}

function isSink(destination: NodeJS.WritableStream): destination is Sink & NodeJS.WritableStream {
  return destination instanceof ServerResponse || destination instanceof Socket;
}
