import { type IncomingMessage, request } from 'node:http';
import { TestBroker, until } from '#messaging/broker.testing';
import { Bus } from '#messaging/bus';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

interface Heard {
  readonly event: string;
  readonly id: string;
  readonly data: { readonly data: Record<string, unknown>; readonly after?: string; readonly upTo?: string };
}

/** One client of the event stream: what it heard, and the id it would say when it connects again. */
class Listener {
  readonly heard: Heard[] = [];
  lastId = '';
  isOver = false;
  private constructor(readonly answer: IncomingMessage) {}

  static open(port: number, query = '', headers: Record<string, string> = {}): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const asking = request({ port, path: `/api/v1/events${query}`, headers, agent: false }, (answer) => {
        const listener = new Listener(answer);
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          const blocks = (text + chunk).split('\n\n');
          text = blocks.pop()!;
          for (const block of blocks) listener.take(block);
        });
        answer.on('close', () => {
          listener.isOver = true;
        });
        answer.on('error', () => {});
        resolve(listener);
      });
      asking.on('error', reject).end();
    });
  }

  get said(): unknown[] {
    return this.heard.map(({ event, data }) => (event === 'fact' ? data.data.n : event));
  }

  close(): void {
    this.answer.destroy();
  }

  private take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
    if (fields.has('id')) this.lastId = fields.get('id')!;
    if (!fields.has('data')) return;
    this.heard.push({ event: fields.get('event')!, id: this.lastId, data: JSON.parse(fields.get('data')!) });
  }
}

describe('what happens', () => {
  let broker: TestBroker;
  let bus: Bus;
  let gateway: TestGateway;
  let n = 0;
  const open: Listener[] = [];

  beforeAll(async () => {
    broker = await TestBroker.start();
    bus = new Bus({ url: broker.url, name: 'spec', keepsStreams: true });
    await bus.start();
    await bus.ensureStreams();
    const settings = { ENTREPOT_WATCH_MS: '200', ENTREPOT_EVENT_STREAMS: '20', ENTREPOT_READ_STALL_MS: '500' };
    gateway = await TestGateway.start(settings, bus);
  }, 60_000);
  afterEach(() => {
    for (const listener of open.splice(0)) listener.close();
  });
  afterAll(async () => {
    await gateway?.stop();
    await bus?.drain();
    await broker?.stop();
  });

  const listen = async (query = '', headers: Record<string, string> = {}) => {
    const listener = await Listener.open(gateway.port, query, headers);
    open.push(listener);
    expect(listener.answer.statusCode).toBe(200);
    return listener;
  };
  const publish = async (subject = 'tag.moved', more: object = {}) => {
    n += 1;
    await bus.publishDurable(`entrepot.fact.${subject}`, { id: `id-${n}`, data: { n, ...more } }, `id-${n}`);
    return n;
  };
  /** It ends its bus with it. */
  const another = () => TestGateway.start({}, new Bus({ url: broker.url, name: 'another' }));
  const heard = (listener: Listener, ...said: unknown[]) =>
    until(`it hears ${said}, and heard ${listener.said}`, () => listener.said.length >= said.length).then(() =>
      expect(listener.said).toEqual(said),
    );

  it('is heard from now on, in order, with an id each', async () => {
    await publish();
    const listener = await listen();
    expect(listener.answer.headers['content-type']).toBe('text/event-stream');
    const said = [await publish(), await publish('blob.stored')];
    await heard(listener, ...said);
    const [first, second] = listener.heard.map(({ id }) => Number(id.split('-')[1]));
    expect(second).toBe(first! + 1);
  });

  it('is heard on after the last one that was, with none missing and none twice', async () => {
    const first = await listen();
    const one = await publish();
    await heard(first, one);
    first.close();
    const missed = [await publish(), await publish()];
    const again = await listen('', { 'Last-Event-ID': first.lastId });
    await heard(again, ...missed);
    const live = await publish();
    await heard(again, ...missed, live);
    const byQuery = await listen(`?after=${first.lastId}`);
    await heard(byQuery, ...missed, live);
  });

  it('that a client heard nothing of is where it comes back to, if it was told where it is', async () => {
    const quiet = await listen();
    await until('it is told where it is', () => quiet.lastId !== '');
    quiet.close();
    const missed = await publish();
    await heard(await listen('', { 'Last-Event-ID': quiet.lastId }), missed);
  });

  it('goes to very many who listen, each with its own filter', async () => {
    const listeners = await Promise.all(
      [
        '',
        '?subject=tag.*',
        '?subject=blob.>,*.removed',
        '?repository=team/app',
        '?subject=tag.moved&repository=team/app',
      ].flatMap((query) => [listen(query), listen(query)]),
    );
    const all = [
      await publish('tag.moved', { repository: 'team/app' }),
      await publish('tag.moved', { repository: 'team/web' }),
      await publish('blob.stored'),
      await publish('tag.removed', { repository: 'team/app' }),
    ];
    const expected = [all, [0, 1, 3], [2, 3], [0, 3], [0]].map((each, at) =>
      at === 0 ? all : each.map((index) => all[index as number]),
    );
    for (const [at, listener] of listeners.entries()) await heard(listener, ...expected[at >> 1]!);
  });

  it('that is kept no more is said to be missed, by a gateway that has it no more either', async () => {
    const first = await listen();
    await heard(first, await publish());
    await publish();
    const kept = await publish();
    await (await bus.manager()).streams.purge('ENTREPOT_FACTS', { keep: 1 });
    const other = await another();
    try {
      const again = await Listener.open(other.port, '', { 'Last-Event-ID': first.heard[0]!.id });
      await heard(again, 'missed', kept);
      const [missed, fact] = again.heard;
      expect(missed!.data).toEqual({ after: first.heard[0]!.id, upTo: missed!.id });
      expect(Number(fact!.id.split('-')[1])).toBe(Number(missed!.id.split('-')[1]) + 1);
      await heard(await Listener.open(other.port, '?after=first'), kept);
    } finally {
      await other.stop();
    }
  });

  it('is heard in another stream that was made in place of a lost one, while listening and on coming back', async () => {
    const listener = await listen();
    await heard(listener, await publish());
    const { lastId } = listener;
    await (await bus.manager()).streams.delete('ENTREPOT_FACTS');
    await bus.ensureStreams();
    const said = await publish();
    await until('it hears of the new one', () => listener.said.includes(said));
    expect(listener.said.slice(1)).toEqual(['missed', said]);
    const again = await listen('', { 'Last-Event-ID': lastId });
    await heard(again, 'missed', said);
  });

  it('is not waited for by one who does not read: he is cut, and others hear it', async () => {
    const [slow, quick] = [await listen(), await listen()];
    slow.answer.pause();
    const large = 'x'.repeat(60_000);
    let last = 0;
    for (let sent = 0; sent < 200; sent += 1) last = await publish('tag.moved', { large });
    await until('the other has heard all', () => quick.said.at(-1) === last);
    await until('he is cut', async () => {
      const { connections } = await connectionsOf(gateway);
      return connections === 1;
    });
    expect(quick.isOver).toBe(false);
  }, 60_000);

  it('goes on when NATS was away', async () => {
    const listener = await listen();
    await heard(listener, await publish());
    await broker.kill();
    await until('NATS is away', () => !bus.state().connected);
    expect((await askRaw(gateway.port, '/api/v1/events')).status).toBe(503);
    await broker.restart();
    await until('NATS is back', () => bus.state().connected);
    const said = await publish();
    await until('it is heard', () => listener.said.at(-1) === said);
    expect(listener.isOver).toBe(false);
  }, 60_000);

  it('is heard by no more than may', async () => {
    for (let count = 0; count < 20; count += 1) await listen();
    const { status, headers } = await askRaw(gateway.port, '/api/v1/events');
    expect({ status, after: headers['retry-after'] }).toEqual({ status: 503, after: '10' });
    open.pop()!.close();
    await until('there is room again', async () => {
      const listener = await Listener.open(gateway.port);
      open.push(listener);
      return listener.answer.statusCode === 200;
    });
  });

  it.each([
    ['?subject=', 'subject'],
    ['?subject=tga.moved', 'subject'],
    ['?subject=tag', 'subject'],
    ['?subject=tag.moved,', 'subject'],
    ['?subject=tag.(a%2B)%2B', 'subject'],
    ['?repository=Node', 'repository'],
    ['?after=now', 'after'],
    ['?after=abc-', 'after'],
    [`?after=abc-${'9'.repeat(16)}`, 'after'],
    ['?type=tag', 'type'],
  ])('%s is refused, naming %s', async (query, field) => {
    const { status, text } = await askRaw(gateway.port, `/api/v1/events${query}`);
    expect({ status, field: JSON.parse(text).field }).toEqual({ status: 400, field });
  });

  it('of an older copy of the stream goes on with what came later, and what is lost of the newer one is said', async () => {
    const listener = await listen();
    await heard(listener, await publish());
    await broker.kill();
    await broker.copy();
    await broker.restart();
    await until('NATS is back', () => bus.state().connected);
    const lost = [await publish(), await publish()];
    await until('it heard them', () => listener.said.length === 3);
    const { lastId } = listener;
    const later = await listen('', { 'Last-Event-ID': lastId });
    later.close();
    await broker.kill();
    await broker.putBack();
    await broker.restart();
    await until('NATS is back', () => bus.state().connected);
    // More than were lost: their sequences are given again, to others.
    const said = [await publish(), await publish(), await publish()];
    await until('it hears what came later', () => listener.said.at(-1) === said.at(-1));
    expect(listener.said.slice(1)).toEqual([...lost, 'missed', ...said]);
    expect(listener.heard.find(({ event }) => event === 'missed')?.data).toMatchObject({ after: lastId });
    await heard(await listen('', { 'Last-Event-ID': lastId }), 'missed', ...said);
    const current = listener.heard.at(-2)!.id;
    await heard(await listen('', { 'Last-Event-ID': current }), said.at(-1));
    const other = await another();
    await heard(await Listener.open(other.port, '', { 'Last-Event-ID': lastId }), 'missed', ...said);
    await other.stop();
  }, 120_000);

  it('after an id that is none is refused by name; after one of the future it is said that it is lost', async () => {
    const { status, text } = await askRaw(gateway.port, '/api/v1/events', { headers: { 'Last-Event-ID': 'x y' } });
    expect({ status, field: JSON.parse(text).field }).toEqual({ status: 400, field: 'last-event-id' });
    const here = await listen();
    await heard(here, await publish());
    const future = await listen('', { 'Last-Event-ID': here.lastId.replace(/-\d+.*$/, '-999999999') });
    await until('it is told', () => future.said.length === 1);
    await heard(future, 'missed', await publish());
  });

  it('ends in order with the gateway', async () => {
    const other = await another();
    const listener = await Listener.open(other.port);
    await other.stop();
    await until('it is over', () => listener.isOver);
    expect(listener.answer.complete).toBe(true);
  });
});

function connectionsOf(gateway: TestGateway): Promise<{ connections: number }> {
  return new Promise((resolve, reject) => {
    gateway.nest.getHttpServer().getConnections((error: Error | null, connections: number) => {
      if (error) reject(error);
      else resolve({ connections });
    });
  });
}
