import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

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
  let sent = 0;
  try {
    if (response.destroyed) stream.destroy();
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      sent += chunk.byteLength;
      if (sent > length) throw new Error(`more than the ${length} bytes that were promised`);
      if (!response.write(chunk)) await drained(response, stallMs);
    }
    if (sent < length) throw new Error(`${sent} of the ${length} bytes that were promised`);
    response.end();
    return sent;
  } catch (error) {
    const hungUp = response.destroyed;
    stream.destroy();
    response.destroy();
    throw hungUp ? new ClientGone('the client hung up') : error;
  } finally {
    response.off('close', hangUp);
  }
}

function drained(response: ServerResponse, stallMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (fault?: string) => {
      clearTimeout(timer);
      response.off('drain', onDrain).off('close', onClose);
      if (fault === undefined) resolve();
      else reject(new ClientGone(fault));
    };
    const onDrain = () => settle();
    const onClose = () => settle('the client hung up');
    const timer = setTimeout(settle, stallMs, `the client took nothing for ${stallMs} ms`);
    response.once('drain', onDrain).once('close', onClose);
    if (response.destroyed) onClose();
  });
}
