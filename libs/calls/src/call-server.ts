import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { RegistryError, toErrorEnvelope } from '#oci/registry-error';
import { belongingOf, inAnswer } from '#telemetry/in-work';
import { serveAppend, serveRead, serveTail } from './byte-plane.server';
import type { CallRegistry } from './call-registry';
import { allows } from './capability';
import { encodeMessage } from './encode-message';

/** The largest question: a manifest at its limit, and room for what stands beside it. */
const LARGEST_FRAME = 8 * 1024 * 1024;

/** What whoever keeps the process running may see: no name of anything that is stored. */
export interface OpenAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers a GET of a path that is open; undefined for any other path. */
export type OpenFace = (path: string) => Promise<OpenAnswer> | undefined;

/**
 * The internal address of a service: `POST /calls/<name>`, and for `blobs` `GET /objects/<id>`, `GET /tails/<id>` and
 * `POST /sessions/<id>`. Nothing of these is answered without a capability, whoever finds the port; health and figures
 * are open.
 */
export class CallServer {
  private readonly log = new Logger('CallServer');
  private readonly server: Server;

  constructor(
    private readonly registry: CallRegistry,
    private readonly secret: Uint8Array,
    private readonly open: OpenFace = () => undefined,
  ) {
    this.server = createServer(
      { requestTimeout: 0, headersTimeout: 10_000, keepAliveTimeout: 60_000 },
      (request, response) => {
        this.route(request, response).catch((error: unknown) => this.fail(request, response, error));
      },
    );
  }

  /** Answers the port it listens on. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes no more and waits for what is under way; what takes longer is cut off, for another process to go on with. */
  async close(withinMs?: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const cut = withinMs === undefined ? undefined : setTimeout(() => this.server.closeAllConnections(), withinMs);
    await closed;
    clearTimeout(cut);
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '/';
    if (!URL.canParse(target, 'http://internal')) return void response.writeHead(404).end();
    const url = new URL(target, 'http://internal');
    const [, kind, id = ''] = url.pathname.split('/');
    const capability = request.headers.authorization?.replace(/^Capability /, '') ?? '';
    const within = (name: string, serve: () => Promise<void>) => inAnswer(name, belongingOf(request.headers), serve);
    if (request.method === 'POST' && kind === 'calls')
      return within(this.registry.nameOf(id), () => this.answerCall(request, response, id, capability));
    const { registry } = this;
    const number = (name: string) => Number(url.searchParams.get(name));
    if (request.method === 'GET' && kind === 'objects')
      return within('blobs.read-object', () => serveRead(registry.bytes, request, response, id, capability));
    if (request.method === 'GET' && kind === 'tails')
      return within('blobs.read-tail', () => serveTail(registry.tails, response, id, capability, number('from')));
    if (request.method === 'POST' && kind === 'sessions')
      return within('blobs.append-session', () =>
        serveAppend(registry.bytes, request, response, id, capability, number('offset')),
      );
    const open = request.method === 'GET' || request.method === 'HEAD' ? await this.open(url.pathname) : undefined;
    if (open === undefined) return void response.writeHead(404).end();
    response.writeHead(open.status, { 'content-type': open.type, 'cache-control': 'no-store' }).end(open.body);
  }

  private async answerCall(request: IncomingMessage, response: ServerResponse, name: string, capability: string) {
    if (!allows(this.secret, capability, { method: 'ask', object: name }, Date.now())) {
      throw new RegistryError('DENIED', 'this call needs a capability that is valid now: secrets or clocks may differ');
    }
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), Number(request.headers['entrepot-deadline-ms']) || 10_000);
    response.once('close', () => {
      clearTimeout(timer);
      if (!response.writableEnded) stop.abort();
    });
    const frame = await readFrame(request);
    const answer = await this.registry.answer(name, frame, stop.signal);
    response.writeHead(200, { 'content-length': answer.length }).end(answer);
  }

  private fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (!(error instanceof RegistryError)) this.log.warn(`${request.method} ${request.url}: ${String(error)}`);
    if (response.headersSent) return void response.destroy();
    // What is still being sent is read to nowhere, until its sender has the refusal and stops: closing the connection
    // now would make the system throw away a refusal that was not read yet.
    request.resume();
    const frame = encodeMessage({ error: toErrorEnvelope(error) });
    response.writeHead(200, { 'content-length': frame.length, 'entrepot-error': 'true' }).end(frame);
  }
}

async function readFrame(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += (part as Buffer).length;
    if (length > LARGEST_FRAME) throw new RegistryError('SIZE_INVALID', 'an internal message is over its limit');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}
