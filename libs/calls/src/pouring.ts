import type { Readable, Writable } from 'node:stream';

/**
 * A caller's stream on its way into a request. Where the stream fails the request ends in order all the same: the other
 * side keeps what came, and says how much. The stream itself is never destroyed: whoever owns it may still have to
 * answer to it.
 */
export class Pouring {
  /** What the stream failed with. */
  fault: Error | undefined;
  private readonly onError = (error: Error) => this.fail(error);
  private readonly onClose = () => this.fail(new Error('the stream closed before its end'));

  constructor(
    private readonly stream: Readable,
    private readonly request: Writable,
  ) {
    // It may fail while nobody listens any more: after it was refused.
    stream.on('error', () => {});
    stream.on('error', this.onError).on('close', this.onClose);
    if (stream.errored) this.fail(stream.errored);
    else if (stream.destroyed) this.onClose();
    else stream.pipe(request);
  }

  /** Takes nothing more; what is left in the stream is its owner's, and waits. */
  stop(): void {
    this.stream.off('error', this.onError).off('close', this.onClose);
    this.stream.unpipe(this.request);
    this.stream.pause();
  }

  private fail(error: Error): void {
    if (this.stream.readableEnded) return;
    this.fault ??= error;
    this.stream.unpipe(this.request);
    this.request.end();
  }
}
