import { once } from 'node:events';
import { type IncomingMessage, createServer as overHttp, type ServerResponse } from 'node:http';
import { createServer as overHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { LOCALHOST_CERTIFICATE } from '#testing/localhost-certificate';

export type Script = (request: IncomingMessage, response: ServerResponse) => void;

/** Somebody who speaks JSON over HTTP, and answers what a test tells it. */
export class ScriptedPeer {
  readonly requests: {
    method: string;
    url: string;
    authorization: string | undefined;
    certificate: string | undefined;
  }[] = [];
  port = 0;
  script: Script;
  private readonly sockets = new Set<Socket>();
  private readonly server: ReturnType<typeof overHttp>;

  private constructor(script: Script, isTls: boolean) {
    this.script = script;
    const hear: Script = (request, response) => {
      const peer = (request.socket as Partial<TLSSocket>).getPeerCertificate?.();
      const { method = '', url = '', headers } = request;
      const certificate = peer?.subject && String(peer.subject.CN);
      this.requests.push({ method, url, authorization: headers.authorization, certificate });
      this.script(request, response);
    };
    const ask = { requestCert: true, rejectUnauthorized: false };
    this.server = isTls ? overHttps({ ...LOCALHOST_CERTIFICATE, ...ask }, hear) : overHttp(hear);
    this.server.on('connection', (socket) => this.sockets.add(socket));
  }

  /** At a Unix socket, or at any free port of loopback. */
  static async start(script: Script, { socket, isTls = false }: { socket?: string; isTls?: boolean } = {}) {
    const peer = new ScriptedPeer(script, isTls);
    if (socket === undefined) peer.server.listen(0, '127.0.0.1');
    else peer.server.listen(socket);
    await once(peer.server, 'listening');
    if (socket === undefined) peer.port = (peer.server.address() as AddressInfo).port;
    return peer;
  }

  /** Breaks every connection. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.cut();
    await closed;
  }
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}
