import { randomUUID } from 'node:crypto';
import type { Image } from '#contracts/calls/images';
import type { Operation } from '#contracts/operation';
import { eventually } from './eventually';
import type { Finished } from './run-program';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** undefined where the body is not JSON. */
  readonly json: unknown;
}

/** What tests ask of the program through its public faces, whichever shape it runs in. */
export abstract class Warehouse {
  /** Where it answers, without a slash at the end. */
  abstract readonly url: string;
  /** For whoever gives no name. */
  abstract readonly natsUrl: string;
  /** Where its objects lie. */
  abstract readonly objects: string;
  abstract readonly log: string;

  /** Throws, with what it last said, where it has ended. */
  protected abstract mustRun(): void;

  /** Ends it, whatever is left of it, and removes its folder. */
  abstract destroy(): Promise<void>;

  /** Where the next question goes: where there are several gateways, to another one each time. */
  nextUrl(): string {
    return this.url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** As one types it before a name for docker pull. */
  get host(): string {
    return `localhost:${this.port}`;
  }

  protected lastLines(): string {
    return this.log.split('\n').slice(-30).join('\n');
  }

  /** One request; a string is sent as it is, anything else as JSON. */
  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await fetch(`${this.nextUrl()}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) };
  }

  /** Asks for a pull and gives the operation's id. */
  async pull(reference: string, more: object = {}): Promise<string> {
    return this.accept({ kind: 'pull', reference, ...more });
  }

  async remove(reference: string, more: object = {}): Promise<string> {
    return this.accept({ kind: 'remove', reference, ...more });
  }

  /** Removes for good, confirms what goes where that is asked, and gives the operation's id. */
  async removeNow(reference: string, more: object = {}): Promise<string> {
    const body = { kind: 'remove', reference, now: true, ...more };
    const { status, json, text } = await this.ask('POST', '/api/v1/operations', body);
    const { about, id } = json as { about?: { confirm?: string }; id?: string };
    if (status < 300 && id !== undefined) return id;
    if (status !== 412 || !about?.confirm) throw new Error(`nothing to confirm: ${status} ${text}`);
    return this.accept({ ...body, confirm: about.confirm });
  }

  async operation(id: string): Promise<Operation> {
    const { status, json, text } = await this.ask('GET', `/api/v1/operations/${id}`);
    if (status !== 200) throw new Error(`operation ${id}: ${status} ${text}`);
    return json as Operation;
  }

  /** Waits until an operation has ended, and gives it. */
  ended(id: string, withinMs = 60_000): Promise<Operation> {
    return eventually(
      `the end of operation ${id}`,
      async () => {
        this.mustRun();
        const operation = await this.operation(id);
        return ['completed', 'failed', 'cancelled'].includes(operation.state) && operation;
      },
      { withinMs },
    );
  }

  /** Waits for a good end. */
  async completed(id: string, withinMs = 60_000): Promise<Operation> {
    const operation = await this.ended(id, withinMs);
    if (operation.state === 'completed') return operation;
    throw new Error(`${operation.state}: ${JSON.stringify(operation.error)}\n${this.lastLines()}`);
  }

  async operations(): Promise<Operation[]> {
    return (await this.ask('GET', '/api/v1/operations?limit=1000')).json as Operation[];
  }

  async images(repository?: string): Promise<Image[]> {
    const query = repository === undefined ? '' : `&repository=${encodeURIComponent(repository)}`;
    const { status, json, text } = await this.ask('GET', `/api/v1/images?limit=1000${query}`);
    if (status !== 200) throw new Error(`images: ${status} ${text}`);
    return json as Image[];
  }

  /** The faults that `npm run admin -- fsck --deep` finds, or with other options; none where all is well. */
  async fsck(...options: readonly string[]): Promise<string[]> {
    const { code, stdout, stderr } = await this.admin('fsck', ...(options.length > 0 ? options : ['--deep']));
    if (code === 0) return [];
    const lines = stdout.split('\n').filter((line) => FAULT.test(line));
    return lines.length > 0 ? lines : [`fsck ended with ${code}: ${stdout}${stderr}`];
  }

  /** `npm run admin -- <args>` in its environment. */
  abstract admin(...args: string[]): Promise<Finished>;

  private async accept(body: object): Promise<string> {
    const { status, headers, json, text } = await this.ask('POST', '/api/v1/operations', body, {
      'idempotency-key': randomUUID(),
    });
    if (status !== 202) throw new Error(`not accepted: ${status} ${text}`);
    const { id } = json as Operation;
    if (headers.get('location') !== `/api/v1/operations/${id}`) throw new Error(`Location: ${headers.get('location')}`);
    return id;
  }
}

const FAULT = /^\s*(orphan|missing|size|extents|digest|lost|session|row|stuck|stream|more): /;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
