import { request } from 'node:http';
import { answered } from './http-byte-plane';
import type { TailReading } from './tails';

/**
 * Asks the process at `url` for what it has of an object in memory. Given up after `stallMs` without a byte. Throws
 * BLOB_UNKNOWN where it does not write it any more, UNAVAILABLE.
 */
export async function openTail(
  url: string,
  capability: string,
  { object, from }: { object: string; from: number },
  { signal, stallMs }: { signal: AbortSignal; stallMs: number },
): Promise<TailReading> {
  const sent = request(`${url}/tails/${object}?from=${from}`, {
    agent: false,
    headers: { authorization: `Capability ${capability}` },
  });
  sent.on('error', () => {});
  const hangUp = () => sent.destroy();
  signal.addEventListener('abort', hangUp, { once: true });
  sent.once('close', () => signal.removeEventListener('abort', hangUp));
  if (signal.aborted) hangUp();
  sent.setTimeout(stallMs, () => sent.destroy(new Error(`${url} has sent nothing for ${stallMs} ms`)));
  sent.end();
  const stream = await answered(sent);
  return { offset: Number(stream.headers['entrepot-offset']), stream };
}
