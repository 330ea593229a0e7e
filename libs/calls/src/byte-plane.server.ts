import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { BytePlane, Stretch } from './byte-plane';
import { encodeMessage } from './encode-message';
import type { Tails } from './tails';

/**
 * `GET /objects/<id>`, with `Range: bytes=a-b` for a stretch: the bytes, or an error's frame. A cut is a cut connection.
 * With `Entrepot-Redirect: allowed` the answer may be where to read it instead.
 */
export async function serveRead(
  plane: BytePlane,
  request: IncomingMessage,
  response: ServerResponse,
  object: string,
  capability: string,
): Promise<void> {
  const stop = new AbortController();
  response.once('close', () => stop.abort());
  const stretch = parseStretch(request.headers.range);
  const redirect = request.headers['entrepot-redirect'] === 'allowed';
  const options = { signal: stop.signal, redirect, ...(stretch ? { stretch } : {}) };
  const reading = await plane.read(capability, object, options);
  const length = stretch ? stretch.end - stretch.start : reading.size;
  response.writeHead(200, {
    'content-length': reading.location === undefined ? length : 0,
    ...(reading.location === undefined ? {} : { 'entrepot-location': reading.location }),
    'entrepot-size': reading.size,
    'entrepot-verified': String(reading.verified),
  });
  response.flushHeaders();
  await pipeline(reading.stream, response);
}

/** `GET /tails/<id>?from=n`: what a writer here has in memory, from the byte on that `entrepot-offset` says. */
export async function serveTail(
  tails: Tails,
  response: ServerResponse,
  object: string,
  capability: string,
  from: number,
): Promise<void> {
  const { offset, stream } = tails.tail(capability, object, from);
  response.once('close', () => stream.destroy());
  response.writeHead(200, { 'entrepot-offset': offset });
  response.flushHeaders();
  await pipeline(stream, response);
}

/** `POST /sessions/<id>?offset=n`: the offset that is then durable, or an error's frame. */
export async function serveAppend(
  plane: BytePlane,
  request: IncomingMessage,
  response: ServerResponse,
  session: string,
  capability: string,
  offset: number,
): Promise<void> {
  const acknowledged = await plane.append(capability, session, offset, request);
  const frame = encodeMessage({ answer: acknowledged });
  response.writeHead(200, { 'content-length': frame.length }).end(frame);
}

function parseStretch(range: string | undefined): Stretch | undefined {
  const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
  return match ? { start: Number(match[1]), end: Number(match[2]) + 1 } : undefined;
}
