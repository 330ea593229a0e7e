import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { Readable } from 'node:stream';
import { cancelled, fromErrorEnvelope, RegistryError } from '#oci/registry-error';
import { belongingHeaders } from '#telemetry/in-work';
import { inSpan } from '#telemetry/tracing';
import { brokenUpload } from './broken-upload';
import { BytePlane, type ObjectReading, type ReadOptions } from './byte-plane';
import { decodeMessage } from './encode-message';
import { Pouring } from './pouring';

/** The byte plane of another process. */
export class HttpBytePlane extends BytePlane {
  /** A slow client holds its connection for as long as it takes: no number of them may hold up another. */
  private readonly agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

  constructor(private readonly url: string) {
    super();
  }

  override async read(capability: string, object: string, options: ReadOptions = {}): Promise<ObjectReading> {
    const { stretch, signal, redirect } = options;
    const sent = this.send(`/objects/${object}`, capability, 'GET', {
      ...(signal ? { signal } : {}),
      headers: {
        ...(stretch ? { range: `bytes=${stretch.start}-${stretch.end - 1}` } : {}),
        ...(redirect ? { 'entrepot-redirect': 'allowed' } : {}),
      },
    });
    sent.end();
    const response = await answered(sent);
    const location = response.headers['entrepot-location'];
    if (location !== undefined) response.resume();
    return {
      size: Number(response.headers['entrepot-size']),
      verified: response.headers['entrepot-verified'] === 'true',
      stream: response,
      ...(typeof location === 'string' ? { location } : {}),
    };
  }

  override async append(
    capability: string,
    session: string,
    offset: number,
    stream: Readable,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<{ offset: number }> {
    return inSpan('blobs.append-session', { role: 'client' }, () => {
      const sent = this.send(`/sessions/${session}?offset=${offset}`, capability, 'POST');
      return this.pour(sent, stream, signal);
    });
  }

  private async pour(sent: ClientRequest, stream: Readable, signal?: AbortSignal): Promise<{ offset: number }> {
    // After its answer a request that is still being sent may fail: that is nobody's fault then.
    sent.on('error', () => {});
    const pouring = new Pouring(stream, sent);
    const giveUp = () => sent.destroy();
    signal?.addEventListener('abort', giveUp);
    if (signal?.aborted) giveUp();
    try {
      const { answer } = decodeMessage(await answered(sent).then(readWhole)) as { answer: { offset: number } };
      if (pouring.fault) throw brokenUpload(answer.offset, pouring.fault);
      return answer;
    } catch (error) {
      throw signal?.aborted ? cancelled('the upload') : error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
      pouring.stop();
      // An answer that comes before the stream has ended is a refusal: nothing more is sent.
      if (!sent.writableEnded) sent.destroy();
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private send(path: string, capability: string, method: string, options: RequestOptions = {}) {
    return request(`${this.url}${path}`, {
      ...options,
      method,
      agent: this.agent,
      headers: { ...options.headers, ...belongingHeaders(), authorization: `Capability ${capability}` },
    });
  }
}

/** Throws what the other side answered, or UNAVAILABLE. */
export async function answered(sent: ClientRequest): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('error', (cause) => {
      reject(
        new RegistryError('UNAVAILABLE', 'the blobs service does not answer at the moment', {
          retryAfterSeconds: 1,
          cause,
        }),
      );
    });
  });
  if (response.statusCode === 200 && response.headers['entrepot-error'] === undefined) return response;
  const { error } = decodeMessage(await readWhole(response));
  throw fromErrorEnvelope(error);
}

async function readWhole(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
