import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request, type Server } from 'node:http';
import { promisify } from 'node:util';
import { ListOperations, ReadOperation } from '#contracts/calls/operations';
import type { Operation } from '#contracts/operation';
import { unavailable } from '#oci/registry-error';
import { eventually } from '#testing/eventually';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const id = '7d9f1c52-1111-4c9a-8a0e-5f3b1c2d4e6f';
const other = '8d9f1c52-1111-4c9a-8a0e-5f3b1c2d4e6f';
const running: Operation = {
  id,
  principal: 'anonymous' as Operation['principal'],
  requestId: 'r1',
  kind: 'pull',
  body: { reference: 'alpine:3' },
  state: 'running',
  attempts: 1,
  acceptedAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: null,
  nextAttemptAt: null,
  image: null,
  bytesDone: 0,
  bytesTotal: 100,
  layers: [],
  error: null,
  outcome: null,
};
const NEVER = '3600000';

let gateway: TestGateway;
let now: Map<string, Operation>;
let listed: string[];
let watcher: Watcher | undefined;

async function start(watchMs: string, settings: Record<string, string> = {}): Promise<void> {
  gateway = await TestGateway.start({ ENTREPOT_WATCH_MS: watchMs, ...settings });
  now = new Map([[id, running]]);
  listed = [id];
  gateway.calls
    .on(ReadOperation, (asked) => ({ operation: now.get(asked.id) ?? null }))
    .on(ListOperations, () => ({ operations: listed.map((each) => now.get(each)!), next: null }));
}
afterEach(async () => {
  watcher?.hangUp();
  watcher = undefined;
  await gateway.stop();
});

/** A client that reads one event at a time. */
class Watcher {
  private text = '';
  private constructor(
    private readonly asking: ClientRequest,
    readonly answer: IncomingMessage,
  ) {
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk;
    });
    answer.on('error', () => {});
  }

  static async open(path: string): Promise<Watcher> {
    const asking = request({ host: '127.0.0.1', port: gateway.port, path, agent: false });
    asking.on('error', () => {});
    asking.end();
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    return new Watcher(asking, answer);
  }

  async next(): Promise<Operation> {
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end === -1) {
        await once(this.answer, 'data');
        continue;
      }
      const event = this.text.slice(0, end);
      this.text = this.text.slice(end + 2);
      const data = /^event: operation\nid: [\w-]{43}\ndata: (.+)$/.exec(event)?.[1];
      if (data !== undefined) return JSON.parse(data);
    }
  }

  /** Waits for an end in order, and gives what came since the last event. */
  async ended(): Promise<string> {
    if (!this.answer.readableEnded) await once(this.answer, 'end');
    return this.text;
  }

  hangUp(): void {
    this.asking.destroy();
  }
}
const watch = async (path = `/${id}/events`) => {
  watcher = await Watcher.open(`/api/v1/operations${path}`);
  return watcher;
};

test('an operation is told at once, at every message that it changed, and until it ends', async () => {
  await start(NEVER);
  const client = await watch();
  expect(client.answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  expect(await client.next()).toEqual(running);
  now.set(id, { ...running, bytesDone: 50 });
  gateway.say(`entrepot.progress.anonymous.${id}`, {});
  expect(await client.next()).toMatchObject({ bytesDone: 50 });
  now.set(id, { ...running, state: 'completed', endedAt: '2026-01-01T00:01:00.000Z' });
  gateway.say('entrepot.fact.operation.completed', { specversion: '1.0', data: { operation: id } });
  expect(await client.next()).toMatchObject({ state: 'completed' });
  await client.ended();
});

test('without any message the same is found a little later', async () => {
  await start('50');
  const client = await watch();
  await client.next();
  now.set(id, { ...running, state: 'failed', endedAt: '2026-01-01T00:01:00.000Z' });
  expect(await client.next()).toMatchObject({ state: 'failed' });
  await client.ended();
});

test('one that has ended is told once', async () => {
  await start(NEVER);
  now.set(id, { ...running, state: 'cancelled', endedAt: '2026-01-01T00:01:00.000Z' });
  const { status, text } = await askRaw(gateway.port, `/api/v1/operations/${id}/events`);
  expect(status).toBe(200);
  expect(text.match(/event: operation/g)).toHaveLength(1);
});

test('whoever heard the end is told that there is no more, and a browser stays away', async () => {
  await start(NEVER);
  now.set(id, { ...running, state: 'completed', endedAt: '2026-01-01T00:01:00.000Z' });
  const path = `/api/v1/operations/${id}/events`;
  const last = /^id: (.+)$/m.exec((await askRaw(gateway.port, path)).text)![1]!;
  expect((await askRaw(gateway.port, path, { headers: { 'Last-Event-ID': last } })).status).toBe(204);
  expect((await askRaw(gateway.port, path, { headers: { 'Last-Event-ID': 'earlier' } })).status).toBe(200);
});

test('what did not change is not told again, and messages of others wake nobody', async () => {
  await start(NEVER);
  const client = await watch();
  await client.next();
  gateway.say(`entrepot.progress.anonymous.${other}`, {});
  gateway.say('entrepot.progress.anonymous.x', null);
  gateway.say(`entrepot.progress.anonymous.${id}`, {});
  await new Promise<void>((looked) => {
    gateway.calls.on(ReadOperation, (asked) => {
      setImmediate(looked);
      return { operation: now.get(asked.id)! };
    });
  });
  expect(gateway.calls.questions(ReadOperation)).toHaveLength(3);
  now.set(id, { ...running, bytesDone: 1 });
  gateway.say(`entrepot.outcome.anonymous.${id}`, {});
  expect(await client.next()).toMatchObject({ bytesDone: 1 });
});

test('metadata that is away sends no watcher away', async () => {
  await start('50');
  const client = await watch();
  await client.next();
  await new Promise<void>((failed) => {
    gateway.calls.on(ReadOperation, () => {
      setImmediate(failed);
      throw unavailable('the database');
    });
  });
  gateway.calls.on(ReadOperation, () => ({ operation: { ...running, bytesDone: 9 } }));
  expect(await client.next()).toMatchObject({ bytesDone: 9 });
});

test('a watcher that hangs up costs nothing more', async () => {
  await start('20');
  const client = await watch();
  await client.next();
  const server = gateway.nest.getHttpServer() as Server;
  const connections = promisify(server.getConnections.bind(server));
  client.hangUp();
  while ((await connections()) > 0) await new Promise(setImmediate);
  const looks = gateway.calls.questions(ReadOperation).length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(gateway.calls.questions(ReadOperation).length).toBeLessThanOrEqual(looks + 1);
});

test('one that is not there is 404, not a stream', async () => {
  await start(NEVER);
  expect((await askRaw(gateway.port, `/api/v1/operations/${other}/events`)).status).toBe(404);
});

test('HEAD of a stream ends', async () => {
  await start(NEVER);
  expect((await askRaw(gateway.port, `/api/v1/operations/${id}/events`, { method: 'HEAD' })).status).toBe(200);
});

test.each([`/${id}/events`, '?live'])(
  'an end of the gateway ends its streams in order, says so, and waits for none: %s',
  async (path) => {
    await start(NEVER, { ENTREPOT_DRAIN_MS: '60000' });
    const client = await watch(path);
    await client.next();
    const began = performance.now();
    await gateway.stop();
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await client.ended()).toBe(': this gateway ends: connect again\n\n');
  },
);

test('while the gateway ends nobody begins to watch: he is told to come back', async () => {
  await start(NEVER, { ENTREPOT_DRAIN_MS: '60000' });
  const early = await watch('?live');
  const reading = new Promise<void>((asked) => {
    gateway.calls.on(ReadOperation, async () => {
      asked();
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return { operation: running };
    });
  });
  let goOn = () => {};
  const late = askRaw(gateway.port, `/api/v1/operations/${id}/events`);
  await reading;
  const stopped = gateway.stop();
  await early.ended();
  goOn();
  expect(await late).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  await stopped;
});

describe('all operations', () => {
  test('are told as they are, then as they change, also those that are too old for the page', async () => {
    await start(NEVER);
    now.set(other, { ...running, id: other });
    const client = await watch('?live');
    expect(await client.next()).toEqual(running);
    now.set(id, { ...running, bytesDone: 50 });
    gateway.say(`entrepot.progress.anonymous.${id}`, {});
    expect(await client.next()).toMatchObject({ id, bytesDone: 50 });
    gateway.say('entrepot.fact.operation.completed', { data: { operation: other } });
    expect(await client.next()).toMatchObject({ id: other });
  });

  test('leave out what their list leaves out, unless it is asked for', async () => {
    await start(NEVER);
    now.set(other, { ...running, id: other, kind: 'container-report' });
    const [all, reports] = [await watch('?live'), await watch('?live&kind=container-report')];
    for (const client of [all, reports]) expect(await client.next()).toEqual(running);
    gateway.say('entrepot.fact.operation.completed', { data: { operation: other } });
    expect(await reports.next()).toMatchObject({ id: other });
    now.set(id, { ...running, bytesDone: 50 });
    gateway.say(`entrepot.progress.anonymous.${id}`, {});
    expect(await all.next()).toMatchObject({ id, bytesDone: 50 });
  });

  test('come the oldest first', async () => {
    await start(NEVER);
    now.set(other, { ...running, id: other });
    listed = [other, id];
    const client = await watch('?live=true');
    expect([(await client.next()).id, (await client.next()).id]).toEqual([id, other]);
  });
});

test.each(['', '?live'])(
  'no more than so many watch at once: whoever comes then is told to come back%s',
  async (query) => {
    await start(NEVER, { ENTREPOT_EVENT_STREAMS: '1' });
    const first = await watch('?live');
    const path = query === '' ? `/api/v1/operations/${id}/events` : `/api/v1/operations${query}`;
    const { status, headers, text } = await askRaw(gateway.port, path);
    expect({ status, type: headers['content-type'], after: headers['retry-after'] }).toEqual({
      status: 503,
      type: 'application/problem+json',
      after: '10',
    });
    expect(JSON.parse(text)).toMatchObject({ code: 'UNAVAILABLE' });
    first.hangUp();
    await eventually('there is room again', async () => {
      const { status } = await askRaw(gateway.port, `/api/v1/operations/${id}/events`, { method: 'HEAD' });
      return status === 200;
    });
  },
);
