import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { formatContentRange, parseByteRange } from '#oci/byte-range';
import { type Digest, digestOf } from '#oci/digest';

/** What an upstream was asked, as it came. */
export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers one request; answering `false` leaves it to the next script, and at last to the registry itself. */
export type Script = (request: RecordedRequest, response: ServerResponse) => unknown;

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly script: Script;
  left: number;
}

/**
 * A registry on loopback that behaves, but where it is told how not to. Everything it was asked is kept, and how many
 * bytes of bodies it gave.
 */
export class ScriptedUpstream {
  readonly requests: RecordedRequest[] = [];
  bodyBytes = 0;
  connections = 0;
  private readonly blobs = new Map<string, Buffer>();
  private readonly manifests = new Map<string, { bytes: Buffer; mediaType: string }>();
  private readonly routes: Route[] = [];
  private readonly server: Server;

  private constructor(private readonly tls?: ServerOptions) {
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.serve(request, response);
    this.server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
    this.server.on('connection', () => {
      this.connections += 1;
    });
  }

  /** With TLS where a certificate is given. */
  static async start(tls?: ServerOptions): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream(tls);
    upstream.server.listen(0, '127.0.0.1');
    await once(upstream.server, 'listening');
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** As a reference spells it. */
  get domain(): string {
    return `127.0.0.1:${this.port}`;
  }

  get origin(): string {
    return `${this.tls === undefined ? 'http' : 'https'}://${this.domain}`;
  }

  /** The newest script that matches is asked first; `times` is how often it may be. */
  script(method: string, path: RegExp, script: Script, times = Number.POSITIVE_INFINITY): void {
    this.routes.unshift({ method, path, script, left: times });
  }

  addBlob(bytes: Buffer): Digest {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return digest;
  }

  addManifest(path: string, tag: string | null, manifest: { mediaType: string }): Digest {
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(bytes);
    for (const name of tag === null ? [digest] : [digest, tag]) {
      this.manifests.set(`${path} ${name}`, { bytes, mediaType: manifest.mediaType });
    }
    return digest;
  }

  /** How often it was asked for what matches. */
  count(method: string, path: RegExp): number {
    return this.requests.filter((request) => request.method === method && path.test(request.url)).length;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    const request = await record(message);
    this.requests.push(request);
    for (const route of this.routes) {
      if (route.left === 0 || route.method !== request.method || !route.path.test(request.url)) continue;
      route.left -= 1;
      if (route.script(request, response) !== false) return;
    }
    this.behave(request, response);
  }

  private behave({ method, url, headers }: RecordedRequest, response: ServerResponse): void {
    const [, path = '', kind, name = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    const manifest = kind === 'manifests' ? this.manifests.get(`${path} ${name}`) : undefined;
    const blob = kind === 'blobs' ? this.blobs.get(name) : undefined;
    const isHead = method === 'HEAD';
    if (manifest) this.sendManifest(response, manifest, isHead);
    else if (blob) this.sendBlob(response, name, blob, headers.range, isHead);
    else response.writeHead(url === '/v2/' ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
  }

  private sendManifest(
    response: ServerResponse,
    manifest: { bytes: Buffer; mediaType: string },
    isHead: boolean,
  ): void {
    const { bytes, mediaType } = manifest;
    response.writeHead(200, {
      'content-type': mediaType,
      'content-length': bytes.byteLength,
      'docker-content-digest': digestOf(bytes),
    });
    response.end(isHead ? undefined : bytes);
  }

  private sendBlob(
    response: ServerResponse,
    digest: string,
    blob: Buffer,
    header: string | undefined,
    isHead: boolean,
  ): void {
    const range = parseByteRange(header, blob.byteLength);
    const part = range.kind === 'part' ? blob.subarray(range.start, range.end + 1) : blob;
    if (range.kind === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': formatContentRange(range, blob.byteLength) }).end();
      return;
    }
    response.writeHead(range.kind === 'part' ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': part.byteLength,
      etag: `"${digest}"`,
      'docker-content-digest': digest,
      ...(range.kind === 'part' ? { 'content-range': formatContentRange(range, blob.byteLength) } : {}),
    });
    if (!isHead) this.bodyBytes += part.byteLength;
    response.end(isHead ? undefined : part);
  }
}

async function record(message: IncomingMessage): Promise<RecordedRequest> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  const { method = '', url = '', headers } = message;
  return { method, url, headers, body: Buffer.concat(parts).toString('utf8') };
}

/** Answers with a status, headers and a body. */
export function reply(status: number, headers: Record<string, string> = {}, body: string | Buffer = ''): Script {
  return (_request, response) => response.writeHead(status, headers).end(body);
}

/** Never answers. */
export function hang(): Script {
  return () => {};
}

/** Promises the whole, sends the first bytes of it, and breaks the connection. */
export function cutAfter(bytes: Buffer, sent: number, headers: Record<string, string> = {}): Script {
  return (_request, response) => {
    response.writeHead(200, { 'content-length': String(bytes.byteLength), ...headers });
    response.write(bytes.subarray(0, sent), () => response.destroy());
  };
}

/** Promises the whole, sends the first bytes of it, and then nothing. */
export function stallAfter(bytes: Buffer, sent: number): Script {
  return (_request, response) => {
    response.writeHead(200, { 'content-length': String(bytes.byteLength) });
    response.write(bytes.subarray(0, sent));
  };
}

/** Streams zeros, for as long as they are read; says how many it could send. */
export function flood(headers: Record<string, string>, total: number, sent: (bytes: number) => void): Script {
  return (_request, response) => {
    const chunk = Buffer.alloc(64 * 1024, 0x20);
    let left = total;
    response.writeHead(200, headers);
    const more = () => {
      while (left > 0 && !response.destroyed) {
        left -= chunk.byteLength;
        sent(chunk.byteLength);
        if (!response.write(chunk)) return;
      }
      response.end();
    };
    response.on('drain', more);
    more();
  };
}

/** Asks for a bearer token of `realm` wherever none of `accepted` comes; the rest is the registry's own answer. */
export function demandToken(realm: string, accepted: (token: string) => boolean, service = 'registry.test'): Script {
  return ({ url, headers }, response) => {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    if (accepted(token)) return false;
    const path = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url)?.[1] ?? '';
    const challenge = `Bearer realm="${realm}",service="${service}",scope="repository:${path}:pull"`;
    return response.writeHead(401, { 'www-authenticate': challenge }).end('{}');
  };
}
