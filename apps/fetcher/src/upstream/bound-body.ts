import { Readable } from 'node:stream';
import { BUFFER_BYTES } from '#calls/byte-plane';
import { pulledBytes } from '../fetcher-metrics';
import type { Pace } from '../fill/pace';

/** Slower than this, a body has stalled: a trickle must not hold a place for ever. */
const SLOWEST_BYTES_PER_S = 1024;

export interface BodyBounds {
  /** Leading bytes that are stored already. */
  readonly skip: number;
  /** Bytes that are wanted after those. */
  readonly length: number;
  readonly stallMs: number;
  readonly pace: Pace;
}

/**
 * The wanted part of an upstream's body. It ends, and does not fail, where the body breaks: what arrived is kept. Then
 * `fault` says why; `isTooLong` says that there was more than is wanted.
 */
export class BoundedBody {
  readonly stream: Readable;
  fault: unknown;
  isTooLong = false;
  private isWaiting = true;
  private received = 0;

  constructor(
    private readonly body: Readable,
    private readonly bounds: BodyBounds,
  ) {
    this.stream = Readable.from(this.wanted(), { objectMode: false, highWaterMark: BUFFER_BYTES });
  }

  private async *wanted(): AsyncGenerator<Buffer> {
    let { skip, length: left } = this.bounds;
    const watch = setInterval(() => this.refuseTrickle(), this.bounds.stallMs);
    try {
      for await (const chunk of this.body as AsyncIterable<Buffer>) {
        this.received += chunk.byteLength;
        pulledBytes.inc({ type: 'blob' }, chunk.byteLength);
        this.bounds.pace.add(chunk.byteLength);
        const fresh = chunk.subarray(Math.min(skip, chunk.byteLength));
        skip -= chunk.byteLength - fresh.byteLength;
        this.isTooLong = fresh.byteLength > left;
        const piece = fresh.subarray(0, left);
        left -= piece.byteLength;
        this.wait(false);
        if (piece.byteLength > 0) yield piece;
        this.wait(true);
        if (this.isTooLong) break;
      }
    } catch (error) {
      this.fault = error;
    } finally {
      clearInterval(watch);
      this.body.destroy();
    }
  }

  private wait(isWaiting: boolean): void {
    this.isWaiting = isWaiting;
    this.bounds.pace.isHeldUp = !isWaiting;
  }

  private refuseTrickle(): void {
    const floor = (SLOWEST_BYTES_PER_S * this.bounds.stallMs) / 1000;
    if (this.isWaiting && this.received < floor) this.body.destroy(new StalledBody());
    this.received = 0;
  }
}

/** A body that goes on, but so slowly that it would never end. */
export class StalledBody extends Error {
  override readonly name = 'StalledBody';
  readonly code = 'UND_ERR_BODY_TIMEOUT';
}
