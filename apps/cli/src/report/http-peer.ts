import { type ClientRequest, type IncomingMessage, request as overHttp, type RequestOptions } from 'node:http';
import { request as overHttps } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { z } from 'zod';

/** Who was asked does not answer, or refuses, or answers what is not understood. Its message holds no secret. */
export class PeerFault extends Error {
  override readonly name = 'PeerFault';
  constructor(
    message: string,
    /** Of an answer that was no good one. */
    readonly status?: number,
    /** What such an answer said for programs. */
    readonly about: Readonly<Record<string, unknown>> = {},
  ) {
    super(message.replace(/\p{Cc}+/gu, ' ').slice(0, 1000));
  }
}

export interface Way {
  readonly isTls: boolean;
  /** Where it is, with whose certificates. */
  readonly options: RequestOptions & { readonly servername?: string; readonly rejectUnauthorized?: boolean };
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly method?: 'GET' | 'POST';
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** How long it may take, or for lines how long it may be open, in milliseconds. */
  readonly withinMs?: number;
  /** Of the whole answer, or of one line. */
  readonly mostBytes?: number;
}

const WITHIN_MS = 60_000;
const MOST_BYTES = 64 * 1024 * 1024;
const LONGEST_LINE = 8 * 1024 * 1024;
/** Nothing is read of an error beyond it. */
const LONGEST_ERROR = 64 * 1024;

const SaidSchema = z
  .object({ detail: z.string(), message: z.string(), about: z.record(z.string(), z.unknown()) })
  .partial();

/** Somebody who speaks JSON over HTTP, at a Unix socket or an address. The way there is found anew for each request. */
export class HttpPeer {
  constructor(
    /** As messages call it. */
    readonly title: string,
    private readonly way: () => Promise<Way>,
  ) {}

  /** The JSON of a good answer, if it fits the schema. Throws PeerFault. */
  async json<Schema extends z.ZodType>(schema: Schema, path: string, asked: Asked = {}): Promise<z.output<Schema>> {
    const { response, done } = await this.open(path, asked);
    try {
      const text = await this.read(response, asked.mostBytes ?? MOST_BYTES);
      return this.parse(schema, text, path);
    } finally {
      done();
    }
  }

  /** The lines of a good answer, which must be JSON, as they come; hears of the answer before any. Throws PeerFault. */
  async lines(path: string, asked: Asked): Promise<AsyncGenerator<unknown>> {
    const { response, done } = await this.open(path, asked);
    return this.eachLine(response, done, path, asked.mostBytes ?? LONGEST_LINE);
  }

  private async *eachLine(response: IncomingMessage, done: () => void, path: string, longest: number) {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    try {
      for await (const bytes of response) {
        const parts = decoder.write(bytes as Buffer).split('\n');
        parts[0] = rest + parts[0];
        rest = parts.pop() ?? '';
        if (rest.length > longest) throw new PeerFault(`a line of ${this.title} has no end`);
        for (const line of parts) if (line.trim() !== '') yield this.parse(z.unknown(), line, path);
      }
    } catch (error) {
      throw this.fault(error);
    } finally {
      done();
    }
  }

  private async open(path: string, { method = 'GET', body, headers = {}, signal, withinMs = WITHIN_MS }: Asked) {
    const { isTls, options, headers: own = {} } = await this.way();
    const json = body === undefined ? undefined : JSON.stringify(body);
    const type =
      json === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) };
    const request = this.begin(isTls, {
      ...options,
      ...{ path: `${options.path ?? ''}${path}`, method, agent: false },
      headers: { Accept: 'application/json', ...type, ...own, ...headers },
    });
    let begun: IncomingMessage | undefined;
    const breakOff = (why: string) => (begun ?? request).destroy(new Error(why));
    const end = () => {
      clearTimeout(timer);
      breakOff('no longer wanted');
    };
    const timer = setTimeout(() => breakOff(`it took longer than ${withinMs / 1000} s`), withinMs);
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      request.destroy();
    };
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
    request.on('socket', (socket) => socket.setKeepAlive(true, 30_000));
    try {
      begun = await new Promise<IncomingMessage>((resolve, reject) => {
        // Errors after the answer began come from reading it.
        request.on('error', reject).on('response', resolve).end(json);
      });
      await this.refuse(begun);
      return { response: begun, done };
    } catch (error) {
      done();
      throw this.fault(error);
    }
  }

  /** A certificate or a key that is none is found out here. */
  private begin(isTls: boolean, options: RequestOptions): ClientRequest {
    try {
      return (isTls ? overHttps : overHttp)(options);
    } catch (error) {
      throw this.fault(error);
    }
  }

  private async refuse(response: IncomingMessage): Promise<void> {
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return;
    const text = await this.read(response, LONGEST_ERROR).catch(() => '');
    const { detail, message, about } = saidIn(text);
    const said = detail ?? message;
    throw new PeerFault(`${this.title} answered ${statusCode}${said ? `: ${said}` : ''}`, statusCode, about);
  }

  private async read(response: IncomingMessage, most: number): Promise<string> {
    const parts: Buffer[] = [];
    let size = 0;
    try {
      for await (const part of response as AsyncIterable<Buffer>) {
        size += part.length;
        if (size > most) throw new PeerFault(`the answer of ${this.title} is larger than ${most} bytes`);
        parts.push(part);
      }
    } catch (error) {
      throw this.fault(error);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  private parse<Schema extends z.ZodType>(schema: Schema, text: string, path: string): z.output<Schema> {
    const { data, error } = schema.safeParse(parseJson(text));
    if (!error) return data as z.output<Schema>;
    const [issue] = error.issues;
    const where = issue?.path.join('.') || 'it';
    throw new PeerFault(
      `the answer of ${this.title} to ${path.split('?')[0]} is not understood: ${where}: ${issue?.message}`,
    );
  }

  private fault(error: unknown): PeerFault {
    if (error instanceof PeerFault) return error;
    const { code, message } = error as NodeJS.ErrnoException;
    return new PeerFault(`no answer from ${this.title}: ${message || code}`);
  }
}

function saidIn(text: string): z.output<typeof SaidSchema> {
  return SaidSchema.safeParse(parseJson(text)).data ?? {};
}

/** undefined where it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
