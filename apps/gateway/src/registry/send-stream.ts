import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { ObjectStream } from '#calls/object-stream';

/** The answer had nobody to go to any more: no fault of ours. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/**
 * Sends `length` bytes of `stream` as the body of an answer whose headers are sent. The client's pace is the stream's;
 * a client that hangs up, or takes nothing for `stallMs`, ends the reading. A stream that fails, or has not exactly
 * `length` bytes, cuts the connection: a short body is never completed.
 *
 * Answers the number of bytes sent; throws what made it fail.
 */
export async function sendStream(
  stream: Readable,
  response: ServerResponse,
  length: number,
  stallMs: number,
): Promise<number> {
  const hangUp = () => stream.destroy();
  response.once('close', hangUp).on('error', hangUp);
  const taking = new Taking(response, stallMs);
  let sent = 0;
  const send = async (chunk: Uint8Array) => {
    sent += chunk.byteLength;
    if (sent > length) throw new Error(`more than the ${length} bytes that were promised`);
    await taking.write(chunk);
  };
  try {
    if (response.destroyed) stream.destroy();
    if (stream instanceof ObjectStream) await stream.pour(send);
    else for await (const chunk of stream as AsyncIterable<Uint8Array>) await send(chunk);
    if (sent < length) throw new Error(`${sent} of the ${length} bytes that were promised`);
    response.end();
    return sent;
  } catch (error) {
    const hungUp = response.destroyed;
    response.destroy();
    throw hungUp ? new ClientGone('the client hung up') : error;
  } finally {
    stream.destroy();
    response.off('close', hangUp);
    taking.end();
  }
}

/** What was written and is not taken yet: by a client that hangs up, or takes no chunk for `stallMs`, it never will be. */
class Taking {
  private readonly waiting = new Set<(fault: ClientGone) => void>();
  private readonly onClose = () => this.fail('the client hung up');
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly stallMs: number,
  ) {
    response.once('close', this.onClose);
  }

  /** Settles once nothing will read the chunk again. */
  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.response.destroyed) return reject(new ClientGone('the client hung up'));
      this.waiting.add(reject);
      this.timer ??= setTimeout(() => this.fail(`the client took nothing for ${this.stallMs} ms`), this.stallMs);
      this.response.write(chunk, (error) => {
        if (error) return;
        this.waiting.delete(reject);
        if (this.waiting.size > 0) this.timer?.refresh();
        else this.stopTimer();
        resolve();
      });
    });
  }

  end(): void {
    this.stopTimer();
    this.response.off('close', this.onClose);
  }

  private fail(fault: string): void {
    this.stopTimer();
    for (const reject of this.waiting) reject(new ClientGone(fault));
    this.waiting.clear();
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
