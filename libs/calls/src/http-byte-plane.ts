import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { cancelled, fromErrorEnvelope, RegistryError } from '#oci/registry-error';
import { belongingHeaders } from '#telemetry/in-work';
import { inSpan } from '#telemetry/tracing';
import { brokenUpload } from './broken-upload';
import { BytePlane, type ObjectReading, type ReadOptions } from './byte-plane';
import { decodeMessage } from './encode-message';
import type { GetAnswer } from './get-connection';
import { GetConnections } from './get-connections';
import { ObjectStream } from './object-stream';
import { Pouring } from './pouring';
import { ReadBuffers } from './read-buffers';

/** Of the buffers of all reads: the more there are, the smaller is each. */
const READ_MEMORY_BYTES = 128 * 1024 * 1024;

/** The byte plane of another process. */
export class HttpBytePlane extends BytePlane {
  /** A slow client holds its connection for as long as it takes: no number of them may hold up another. */
  private readonly agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  private readonly gets = new GetConnections(Number.POSITIVE_INFINITY);
  private readonly buffers = new ReadBuffers(READ_MEMORY_BYTES);

  constructor(private readonly url: string) {
    super();
  }

  override async read(capability: string, object: string, options: ReadOptions = {}): Promise<ObjectReading> {
    const { stretch, signal, redirect } = options;
    const headers = {
      ...headersOf(capability),
      ...(stretch ? { range: `bytes=${stretch.start}-${stretch.end - 1}` } : {}),
      ...(redirect ? { 'entrepot-redirect': 'allowed' } : {}),
    };
    const answer = await this.get(`/objects/${object}`, headers, signal);
    const { 'entrepot-location': location, 'entrepot-size': size, 'entrepot-verified': verified } = answer.head.headers;
    if (location !== undefined) await answer.close();
    return {
      size: Number(size),
      verified: verified === 'true',
      ...(location === undefined
        ? { stream: new ObjectStream(answer, this.buffers) }
        : { stream: nothing(), location }),
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
    this.gets.close();
  }

  private send(path: string, capability: string, method: string): ClientRequest {
    return request(`${this.url}${path}`, { method, agent: this.agent, headers: headersOf(capability) });
  }

  /** Throws what the other side answered, UNAVAILABLE, the signal's reason. */
  private async get(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<GetAnswer> {
    const { hostname, host, port } = new URL(this.url);
    const asked = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || 80,
      path,
      headers: { host, ...headers },
    };
    const answer = await this.gets.get(asked, signal ? { signal } : {}).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw away(cause);
    });
    if (answer.head.status === 200 && answer.head.headers['entrepot-error'] === undefined) return answer;
    const parts: Buffer[] = [];
    for (let part = await answer.next(); part; part = await answer.next()) parts.push(part);
    throw fromErrorEnvelope(decodeMessage(Buffer.concat(parts)).error);
  }
}

const nothing = () => Readable.from([]);

function headersOf(capability: string): Record<string, string> {
  return { ...belongingHeaders(), authorization: `Capability ${capability}` };
}

const away = (cause: unknown): RegistryError =>
  new RegistryError('UNAVAILABLE', 'the blobs service does not answer at the moment', { retryAfterSeconds: 1, cause });

/** Throws what the other side answered, or UNAVAILABLE. */
export async function answered(sent: ClientRequest): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('error', (cause) => reject(away(cause)));
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
