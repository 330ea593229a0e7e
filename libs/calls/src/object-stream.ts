import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { cancelled } from '#oci/registry-error';
import { BUFFER_BYTES } from './byte-plane';
import type { ByteSource } from './byte-source';
import type { ReadBuffers } from './read-buffers';

/** What says that a chunk was taken only when nothing will read it again: then its buffer can be used anew. */
type Sink = ServerResponse | Socket;

/**
 * A source as a stream: what the source throws destroys it, and a destroyed stream releases the source. Poured, or piped
 * to a response or a socket, it reads into two buffers by turns; whoever else reads it gets chunks of their own.
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

  /**
   * Takes all bytes through two buffers by turns: while one is on its way the other one is filled. What `take` answers
   * settles once nothing will read its chunk again. Throws what the source or `take` failed with. Nobody else may read
   * this stream; it ends here.
   */
  async pour(take: (chunk: Buffer) => Promise<void>): Promise<void> {
    this.pumping = true;
    this.on('error', () => {});
    const turns = [0, 1].map(() => ({ buffer: this.buffers.take(), taken: Promise.resolve() }));
    let refusal: unknown;
    const refused = (error: unknown) => {
      refusal ??= error;
      this.destroy();
    };
    try {
      for (let index = 0; ; index = 1 - index) {
        const turn = turns[index]!;
        await turn.taken;
        if (this.destroyed) throw cancelled('the read');
        turn.buffer = this.buffers.renew(turn.buffer);
        const chunk = await this.source.next(turn.buffer);
        if (chunk === null) break;
        turn.taken = take(chunk).catch(refused);
      }
      await Promise.all(turns.map(({ taken }) => taken));
    } catch (error) {
      throw refusal ?? this.errored ?? error;
    }
    if (refusal !== undefined) throw refusal;
    for (const { buffer } of turns) this.buffers.giveBack(buffer);
  }

  private async pump(sink: Sink): Promise<void> {
    try {
      await this.pour((chunk) => new Promise((resolve) => sink.write(chunk, () => resolve())));
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
