import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { z } from 'zod';
import { Fault, ProblemSchema, problemFault } from './fault';
import { parseEventStream, type ServerEvent } from './parse-event-stream';

/** Counting a large store anew takes up to two minutes; nothing else takes near as long. */
const SILENCE_MS = 150_000;
/** The server says something every 15 s on a stream of events. */
const STREAM_SILENCE_MS = 45_000;
/** Answers are pages: one of this size is none of ours. */
const LONGEST_ANSWER = 256 * 1024 * 1024;

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface Ask {
  readonly query?: Query;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** Nothing took the request in: whether to ask again is for whoever asked to say. */
export class Unreachable extends Fault {}

/** The REST API of one installation. */
export class WarehouseClient {
  constructor(
    readonly base: URL,
    private readonly signal: AbortSignal,
  ) {}

  /** The JSON of an answer, as the server said it, once it fits the schema. Throws Fault. */
  async ask<Schema extends z.ZodType>(schema: Schema, method: string, path: string, ask: Ask = {}) {
    const answer = await this.send(method, path, ask);
    return fitting(schema, parseJson(answer.text), path);
  }

  /** All pages of a list, or as many of its things as are wanted. */
  async list<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    query: Query,
    most = Number.POSITIVE_INFINITY,
    itemsOf: (page: unknown) => unknown = (page) => page,
  ) {
    const all: z.output<Schema>[] = [];
    let next: string | undefined = pathOf(path, { ...query, limit: Math.min(most, 1000) });
    while (next !== undefined && all.length < most) {
      const answer: Answer = await this.send('GET', next, {});
      const page = itemsOf(parseJson(answer.text));
      if (!Array.isArray(page)) throw foreign(path, 'a list was expected');
      for (const item of page) all.push(fitting(schema, item, path));
      next = nextOf(answer.headers.link);
    }
    return { all: all.slice(0, most), more: next !== undefined || all.length > most };
  }

  /** Events until the server ends the stream. Throws Unreachable where it breaks, so that one may connect again. */
  async *events(path: string, query: Query, lastEventId?: string): AsyncGenerator<ServerEvent> {
    const known = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
    const headers = { Accept: 'text/event-stream', ...known };
    const response = await this.open('GET', pathOf(path, query), { headers }, STREAM_SILENCE_MS);
    if (response.statusCode !== 200) {
      const answer = await read(response, this.base);
      if (answer.status !== 204) throw refusal(answer, this.base);
      return;
    }
    response.setEncoding('utf8');
    try {
      yield* parseEventStream(response);
    } catch (error) {
      throw unreachable(this.base, error);
    } finally {
      response.destroy();
    }
  }

  private async send(method: string, path: string, { query = {}, ...ask }: Ask): Promise<Answer> {
    const response = await this.open(method, pathOf(path, query), ask, SILENCE_MS);
    const answer = await read(response, this.base);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(answer, this.base);
  }

  private open(method: string, path: string, { body, headers = {} }: Ask, silenceMs: number): Promise<IncomingMessage> {
    const url = new URL(this.base.pathname.replace(/\/$/, '') + path, this.base);
    const json = body === undefined ? undefined : JSON.stringify(body);
    const type = json === undefined ? {} : { 'Content-Type': 'application/json' };
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const asked = start(url, {
        method,
        headers: { Accept: 'application/json', ...type, ...headers },
        timeout: silenceMs,
      });
      asked.on('timeout', () => asked.destroy(new Error(`it said nothing for ${silenceMs / 1000} s`)));
      const interrupt = onceInterrupted(this.signal, () => asked.destroy(new Error('it was interrupted')));
      asked.on('response', (response) => {
        interrupt.end();
        // Without an error: a socket that goes back to its agent just now would have nobody to hear it.
        const cut = onceInterrupted(this.signal, () => response.destroy());
        response.on('close', () => cut.end());
        // Whoever reads it is told; between two reads nobody listens, and Node ends the process for that.
        response.on('error', () => undefined);
        resolve(response);
      });
      asked.on('close', () => interrupt.end());
      asked.on('error', (error) => reject(unreachable(this.base, error)));
      asked.end(json);
    });
  }
}

/** Does it at once where the signal has come already. */
function onceInterrupted(signal: AbortSignal, act: () => void): { end(): void } {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
  return { end: () => signal.removeEventListener('abort', act) };
}

/** With what was said of the query, lists once for each. */
export function pathOf(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === false) continue;
    for (const each of Array.isArray(value) ? value : [value]) search.append(name, String(each));
  }
  return search.size === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${search}`;
}

async function read(response: IncomingMessage, base: URL): Promise<Answer> {
  response.setEncoding('utf8');
  let text = '';
  try {
    for await (const part of response) {
      text += part;
      if (text.length > LONGEST_ANSWER) throw new Error('its answer has no end');
    }
  } catch (error) {
    throw unreachable(base, error);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

function refusal({ status, headers, text }: Answer, base: URL): Fault {
  const isProblem = /^application\/(problem\+)?json\b/.test(headers['content-type'] ?? '');
  const problem = isProblem ? ProblemSchema.safeParse(parseJson(text)) : undefined;
  if (problem?.success) return problemFault({ ...problem.data, status });
  return new Fault(
    `${base.origin} is no Entrepot, or something stands before it: it answered ${status} without a reason`,
  );
}

function fitting<Schema extends z.ZodType>(schema: Schema, value: unknown, path: string): z.output<Schema> {
  const { success, error } = schema.safeParse(value);
  if (success) return value as z.output<Schema>;
  const [issue] = error.issues;
  throw foreign(path, `${issue?.path.join('.') || 'the answer'}: ${issue?.message}`);
}

function foreign(path: string, why: string): Fault {
  return new Fault(`the answer of ${path.split('?')[0]} is not what this version of the command understands: ${why}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function nextOf(link: string | string[] | undefined): string | undefined {
  const [, next] = /<(\/[^>]*)>;\s*rel="?next"?/.exec([link].flat().join(',')) ?? [];
  return next;
}

const WHY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the host could not be looked up',
  ECONNRESET: 'the connection broke',
  EHOSTUNREACH: 'there is no way to that host',
  ETIMEDOUT: 'it did not answer in time',
  EPROTO: 'what it says is no TLS; is it http:// and not https://',
};

function unreachable(base: URL, error: unknown): Fault {
  if (error instanceof Fault) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const why = WHY[code] ?? message;
  return new Unreachable(
    `no answer from ${base.origin}: ${why}. Start it with npm start, or say where it is with --url or ENTREPOT_URL`,
  );
}
