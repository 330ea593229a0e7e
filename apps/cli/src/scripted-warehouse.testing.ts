import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runEntrepot } from './run-entrepot';
import type { Terminal } from './terminal';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** What is answered: JSON with a status, or whatever is written by hand. */
export type Reply =
  | {
      readonly status?: number;
      readonly json?: unknown;
      readonly headers?: Record<string, string>;
      readonly text?: string;
    }
  | Handwritten;
type Handwritten = (response: ServerResponse, asked: Asked) => void;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly isTerminal?: boolean;
  readonly answer?: string | null;
  readonly onQuestion?: (question: string) => void;
  readonly interrupted?: AbortSignal;
  /** Hears all that is said, as it is said. */
  readonly onSaid?: (text: string) => void;
}

/** A server that answers as it is told, and the command as a person types it against it. */
export class ScriptedWarehouse {
  readonly asked: Asked[] = [];
  private readonly replies = new Map<string, Reply[]>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ScriptedWarehouse> {
    const server = createServer();
    const warehouse = new ScriptedWarehouse(server);
    server.on('request', (request, response) => void warehouse.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return warehouse;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** One after the other; the last one for ever. */
  on(route: `${string} /${string}`, ...replies: Reply[]): this {
    this.replies.set(route, replies);
    return this;
  }

  clear(): void {
    this.asked.length = 0;
    this.replies.clear();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async run(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const said = { out: '', err: '' };
    const hear = (where: 'out' | 'err') => (text: string) => {
      said[where] += text;
      options.onSaid?.(text);
    };
    const terminal: Terminal = {
      env: { ENTREPOT_URL: this.url, ...options.env },
      isOutTerminal: options.isTerminal ?? false,
      isErrTerminal: options.isTerminal ?? false,
      columns: 100,
      rows: 24,
      interrupted: options.interrupted ?? new AbortController().signal,
      out: hear('out'),
      err: hear('err'),
      ask: async (question) => {
        options.onQuestion?.(question);
        return options.answer ?? null;
      },
      now: () => performance.now(),
    };
    const code = await runEntrepot(words, terminal);
    return { code, ...said };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await readAsked(request);
    this.asked.push(asked);
    const replies = this.replies.get(`${asked.method} ${asked.path}`) ?? [];
    const reply = replies.length > 1 ? replies.shift() : replies[0];
    if (typeof reply === 'function') return reply(response, asked);
    const { status = 200, json, headers = {}, text } = reply ?? problem(404, 'NOT_FOUND', `there is no ${asked.path}`);
    const type = status >= 400 ? 'application/problem+json' : 'application/json';
    response.writeHead(status, { 'Content-Type': type, ...headers });
    response.end(text ?? (json === undefined ? '' : JSON.stringify(json)));
  }
}

export function problem(status: number, code: string, detail: string, more: object = {}): Exclude<Reply, Handwritten> {
  return { status, json: { type: 'about:blank', title: 'Refused', status, detail, code, ...more } };
}

export function events(...data: readonly (readonly [event: string, id: string, data: unknown])[]): Reply {
  return (response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const [event, id, json] of data)
      response.write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(json)}\n\n`);
    response.end();
  };
}

async function readAsked(request: IncomingMessage): Promise<Asked> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://host');
  const query = Object.fromEntries(
    [...new Set(searchParams.keys())].map((name) => {
      const values = searchParams.getAll(name);
      return [name, values.length > 1 ? values : (values[0] ?? '')];
    }),
  );
  const body = text === '' ? undefined : JSON.parse(text);
  return { method: request.method ?? '', path: pathname, query, headers: request.headers, body };
}
