import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Passing {
  readonly method: string;
  readonly path: string;
  /** Sends the request on, with its body, and gives the answer back. */
  forward(): Promise<void>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
}

export type Fault = (passing: Passing) => Promise<void> | void;

/** Stands before an S3 API and does to requests what a spec wants; everything else passes. */
export class FaultProxy {
  readonly seen: string[] = [];
  /** As long as it is set: what a request meets, if anything. */
  mood: ((method: string, path: string) => Fault | undefined) | null = null;
  private readonly faults: { method: string; path: RegExp; fault: Fault }[] = [];

  private constructor(
    private readonly server: Server,
    private readonly target: string,
  ) {}

  static async start(target: string, port = 0): Promise<FaultProxy> {
    const server = createServer((request, response) => void proxy.serve(request, response));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const proxy: FaultProxy = new FaultProxy(server, target);
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  /** The next request of this method meets the fault instead. */
  next(method: string, fault: Fault, path = /\/objects\//): void {
    this.faults.push({ method, path, fault });
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [method, path] = [request.method ?? '', request.url ?? ''];
    this.seen.push(`${method} ${path}`);
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(parts);
    const forward = () => this.forward(request, body, response);
    const index = this.faults.findIndex((each) => each.method === method && each.path.test(path));
    const [met] = index < 0 ? [] : this.faults.splice(index, 1);
    const fault = met?.fault ?? this.mood?.(method, path);
    await (fault ? fault({ method, path, forward, request, response, body }) : forward());
  }

  private async forward(asked: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    await new Promise<void>((resolve) => {
      const { method, url, headers } = asked;
      const sent = request(`${this.target}${url}`, { method: method!, headers, agent: false }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
        answer.once('close', resolve);
      });
      sent.on('error', () => {
        response.destroy();
        resolve();
      });
      sent.end(body);
    });
  }
}

/** Answers as S3 does. */
export function answerError(response: ServerResponse, status: number, code: string): void {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>the spec says so</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml', 'content-length': body.length }).end(body);
}
