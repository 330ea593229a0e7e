import { TestBroker, until } from '#messaging/broker.testing';
import { Bus } from '#messaging/bus';
import { TestCluster } from '#messaging/cluster.testing';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { BusyReplica, Load } from './busy-replica.testing';

const SOON = 90_000;
const upTo = (last: number) => Array.from({ length: last }, (_, n) => n);

let postgres: TestDatabase;
const replicas: BusyReplica[] = [];
beforeEach(async () => {
  postgres = await startTestDatabase();
}, 60_000);
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.stop();
  await postgres?.stop();
}, 60_000);

const start = async (url: string, count = 2, servers = 1): Promise<BusyReplica> => {
  for (let n = 0; n < count; n++) replicas.push(await BusyReplica.start(postgres.url, { url, replicas: servers }));
  await until(
    'the streams are there',
    () =>
      replicas[0]!.bus.ensureStreams().then(
        () => true,
        () => false,
      ),
    SOON,
  );
  return replicas[0]!;
};
const quiet = (replica: BusyReplica) => until('nothing waits', () => replica.isQuiet().catch(() => false), SOON);
/** None that was acknowledged is missing, none was taken in twice. */
const expectEachOnce = async (replica: BusyReplica, load: Load) => {
  const taken = await replica.taken();
  expect([...load.acknowledged].filter((id) => !taken.has(id))).toEqual([]);
  expect([...taken].filter(([, times]) => times !== 1)).toEqual([]);
};
const progress = async (load: Load, by: number) => {
  const [asked, told] = [load.acknowledged.size, load.told];
  await until('it goes on', () => load.acknowledged.size >= asked + by && load.told >= told + by, SOON);
};

describe('a cluster of three', () => {
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await TestCluster.start();
  }, 120_000);
  afterEach(() => cluster?.stop(), 60_000);

  it('loses its leaders under load, one after the other: each request is done once, facts keep their order', async () => {
    const one = await start(cluster.url, 2, 3);
    const load = new Load(one, 'load');
    await progress(load, 20);
    for (const stream of ['ENTREPOT_REQUESTS', 'ENTREPOT_FACTS']) {
      const killed = await cluster.killLeader(one.bus, stream);
      await progress(load, 20);
      await cluster.restart(killed);
      const isWhole = async () => {
        const { cluster: state } = await (await one.bus.manager()).streams.info(stream);
        return state?.replicas?.length === 2 && state.replicas.every(({ current }) => current);
      };
      await until('all three keep it again', () => isWhole().catch(() => false), SOON);
    }
    await progress(load, 20);
    await load.end();
    await quiet(one);
    await expectEachOnce(one, load);
    for (const told of await one.told()) expect(told).toEqual(upTo(load.told));
  }, 300_000);

  it('keeps streams, and what reads them, on as many servers as the setting says, also when it is changed', async () => {
    const before = await start(cluster.url, 1, 1);
    const kept = async () => {
      const manager = await replicas[0]!.bus.manager();
      const streams = await manager.streams.list().next();
      const readers = await manager.consumers.list('ENTREPOT_REQUESTS').next();
      return [...streams, ...readers].map(({ cluster: state }) => (state?.replicas ?? []).length + 1);
    };
    await until(
      'one keeps streams and readers',
      async () => String(await kept().catch(() => '')) === '1,1,1,1,1',
      SOON,
    );
    await before.stop();
    replicas.splice(0);
    await start(cluster.url, 1, 3);
    await until('three keep all', async () => String(await kept().catch(() => '')) === '3,3,3,3,3', SOON);
  }, 300_000);
});

describe('a store of the bus', () => {
  let broker: TestBroker;
  beforeEach(async () => {
    broker = await TestBroker.start();
  }, 60_000);
  afterEach(() => broker?.stop(), 60_000);

  /** Streams and readers as they were made at first: settings, not contents. */
  const settings = async (replica: BusyReplica) => {
    const manager = await replica.bus.manager();
    const streams = (await manager.streams.list().next()).map(({ config }) => config);
    const [reader] = await manager.consumers.list('ENTREPOT_REQUESTS').next();
    if (!reader) throw new Error('there is no reader yet');
    return JSON.stringify([streams, reader.config]);
  };

  it('that is wiped while all run costs what was not yet taken in, and nothing that was', async () => {
    const one = await start(broker.url);
    await until(
      'there is a reader',
      () =>
        settings(one).then(
          () => true,
          () => false,
        ),
      SOON,
    );
    const made = await settings(one);
    await one.bus.store('entrepot.request.pull', '{"reference":"alpine:3"}', 'before');
    await quiet(one);
    const load = new Load(one, 'load');
    await progress(load, 10);
    await broker.kill();
    await broker.wipe();
    await broker.restart();
    await until('the bus is back', () => one.bus.state().connected, SOON);
    const isMade = () =>
      settings(one).then(
        (now) => now === made,
        () => false,
      );
    await until('streams and readers are as they were', isMade, SOON);
    const known = new Set(load.acknowledged);
    await progress(load, 20);
    await load.end();
    await quiet(one);
    const taken = await one.taken();
    expect(taken.get('before')).toBe(1);
    expect([...taken].filter(([, times]) => times !== 1)).toEqual([]);
    // What the lost store alone knew is lost; what was acknowledged after is not.
    expect([...load.acknowledged].filter((id) => !known.has(id) && !taken.has(id))).toEqual([]);
    for (const told of await one.told()) expect(told).toEqual(upTo(load.told).slice(-told.length));
  }, 300_000);

  it('that was wiped while metadata was down is made anew at its start', async () => {
    const one = await start(broker.url, 1);
    await until(
      'there is a reader',
      () =>
        settings(one).then(
          () => true,
          () => false,
        ),
      SOON,
    );
    const made = await settings(one);
    await one.bus.store('entrepot.request.pull', '{"reference":"alpine:3"}', 'before');
    await quiet(one);
    await one.stop();
    replicas.splice(0);
    await broker.kill();
    await broker.wipe();
    await broker.restart();
    const next = await start(broker.url, 1);
    await until(
      'all is as it was',
      () =>
        settings(next).then(
          (now) => now === made,
          () => false,
        ),
      SOON,
    );
    const load = new Load(next, 'after');
    await progress(load, 10);
    await load.end();
    await quiet(next);
    await expectEachOnce(next, load);
    expect((await next.taken()).get('before')).toBe(1);
  }, 300_000);

  it('of yesterday that is put back does nothing again, and swallows nothing that is new', async () => {
    const one = await start(broker.url);
    const yesterday = new Load(one, 'yesterday');
    await progress(yesterday, 10);
    await yesterday.end();
    await quiet(one);
    for (const replica of replicas.splice(0)) await replica.stop();
    // What lies in the copy was asked, and not yet taken in.
    const asker = new Bus({ url: broker.url, name: 'asker' });
    await asker.start();
    for (const id of ['waiting-1', 'waiting-2'])
      await asker.store('entrepot.request.pull', '{"reference":"alpine:3"}', id);
    await asker.drain();
    await broker.kill();
    await broker.copy();
    await broker.restart();
    const two = await start(broker.url);
    const today = new Load(two, 'today');
    await progress(today, 20);
    await today.end();
    await quiet(two);
    const operations = await two.taken();
    await broker.kill();
    await broker.putBack();
    await broker.restart();
    await until('the bus is back', () => two.bus.state().connected, SOON);
    // Ids that the copy's window of repetitions knows, and ids that it does not.
    for (const id of [...yesterday.acknowledged, ...today.acknowledged])
      await until('it is stored', () =>
        two.bus.store('entrepot.request.pull', '{"reference":"alpine:3"}', id).then(
          () => true,
          () => false,
        ),
      );
    const later = new Load(two, 'later');
    await progress(later, 20);
    await later.end();
    await quiet(two);
    for (const load of [yesterday, today, later]) await expectEachOnce(two, load);
    const now = await two.taken();
    expect([...now.keys()].filter((id) => !id.startsWith('later')).sort()).toEqual([...operations.keys()].sort());
    for (const told of await two.told()) expect(told.slice(-later.told)).toEqual(upTo(later.told));
  }, 300_000);
});
