import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Operation, OperationKind } from '#contracts/operation';
import { NatsWire } from '#testing/nats-wire';
import type { Stage } from './stage';

/** Whoever dies is back long before that, on a machine that has much else to do too. */
const GIVES_UP_MS = 180_000;
const ONE_ANSWER_MS = 30_000;
const PAUSE_MS = 150;
/** Among so many of a kind is one that was taken in a moment ago; that there is no other one is looked for in the end. */
const LATEST = 200;
/** A process that stood still for longer than headers may take says 408 to who connected meanwhile. */
const AGAIN = new Set([408, 429]);
const ENDS = ['completed', 'failed', 'cancelled'];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly json: unknown;
}

/** What was answered breaks a promise: asking again would not mend it. */
export class Broken extends Error {}

/** Somebody who asks through any gateway or the bus, and asks again where nobody answered: under the same id. */
export class Client {
  private turn = 0;

  constructor(
    private readonly stage: Stage,
    readonly name: string,
  ) {}

  /** Any answer below 500, of whichever gateway gives one first. */
  async ask(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
    return this.until(`${method} ${path}`, async () => {
      const response = await fetch(`${this.nextUrl()}${path}`, {
        method,
        headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(ONE_ANSWER_MS),
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      const { status } = response;
      if (status >= 500 || AGAIN.has(status)) throw new Error(`${status} ${bytes.subarray(0, 500)}`);
      if (status === 404 && response.headers.has('retry-after')) throw new Broken(`${path}: 404 with Retry-After`);
      return { status, headers: response.headers, bytes, json: parsed(bytes) };
    });
  }

  async get<T>(path: string): Promise<T> {
    const { status, json, bytes } = await this.ask('GET', path);
    if (status !== 200) throw new Broken(`${path}: ${status} ${bytes}`);
    return json as T;
  }

  /** A whole answer must be what its digest says, whoever died meanwhile. */
  async read(path: string, digest: string): Promise<Buffer> {
    const { status, bytes, headers } = await this.ask('GET', path);
    if (status !== 200)
      throw new Broken(`${path}: ${status} ${bytes.subarray(0, 500)}, and ${digest} was acknowledged`);
    const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (actual !== digest) {
      const said = headers.get('docker-content-digest');
      throw new Broken(
        `${path}: ${bytes.length} bytes that hash to ${actual} and are said to be ${said}, not ${digest}`,
      );
    }
    return bytes;
  }

  /** Has an operation done over REST, `times` times under one id, and gives how it ended. */
  async request(kind: OperationKind, body: object, key: string, times = 1): Promise<Operation> {
    const send = async () => {
      const { status, json, bytes } = await this.ask(
        'POST',
        '/api/v1/operations',
        { kind, ...body },
        { 'idempotency-key': key },
      );
      if (status !== 202) throw new Broken(`${kind} ${JSON.stringify(body)}: ${status} ${bytes}`);
      return json as Operation;
    };
    const all = await Promise.all(Array.from({ length: times }, send));
    const ids = new Set(all.map(({ id }) => id));
    if (ids.size !== 1) throw new Broken(`${times} requests under ${key} made ${ids.size} operations`);
    return this.ended(all[0]!.id);
  }

  /** Until the bus has said that it keeps it. */
  async publish(kind: OperationKind, body: object, key: string): Promise<void> {
    const type = `dev.entrepot.request.${kind}.v1`;
    const event = { specversion: '1.0', id: key, source: `/${this.name}`, type, data: body };
    await this.until(`publish ${kind}`, async () => {
      const wire = await within(NatsWire.connect(this.stage.warehouse.natsUrl));
      try {
        const answer = (await within(wire.request(`entrepot.request.${kind}`, event))) as object;
        if (!('seq' in answer)) throw new Error(JSON.stringify(answer));
        return true;
      } finally {
        wire.close();
      }
    });
  }

  /** The one operation of a message, once it has ended. */
  async endedByMessage(kind: OperationKind, key: string): Promise<Operation> {
    const found = await this.until(`${kind} ${key} is taken in`, async () => {
      const all = await this.get<Operation[]>(`/api/v1/operations?kind=${kind}&limit=${LATEST}`);
      const mine = all.filter(({ requestId }) => requestId === key);
      if (mine.length > 1) throw new Broken(`${key} made ${mine.length} operations`);
      return mine[0];
    });
    return this.ended(found.id);
  }

  ended(id: string): Promise<Operation> {
    return this.until(`operation ${id} ends`, async () => {
      const operation = await this.get<Operation>(`/api/v1/operations/${id}`);
      return ENDS.includes(operation.state) ? operation : undefined;
    });
  }

  private nextUrl(): string {
    this.turn += 1;
    const { urls } = this.stage;
    return urls[this.turn % urls.length]!;
  }

  /** Asks until there is an answer; no answer at all is asked for again, and a broken promise is not. */
  private async until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    const deadline = Date.now() + GIVES_UP_MS;
    let last: unknown = 'nothing yet';
    for (;;) {
      try {
        const answer = await ask();
        if (answer !== undefined) return answer;
      } catch (error) {
        if (error instanceof Broken) throw error;
        last = error;
      }
      if (Date.now() > deadline) throw new Broken(`not within ${GIVES_UP_MS / 1000} s: ${what} (${describe(last)})`);
      await delay(PAUSE_MS);
    }
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}

async function within<T>(answer: Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = delay(ONE_ANSWER_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error('no answer in time');
  });
  timer.catch(() => undefined);
  try {
    return await Promise.race([answer, timer]);
  } finally {
    late.abort();
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(String(bytes));
  } catch {
    return undefined;
  }
}
