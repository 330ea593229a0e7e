import { randomUUID } from 'node:crypto';
import { OperationCompleted, OperationFailed, TagMoved } from '#contracts/facts';
import { ANONYMOUS } from '#contracts/principal';
import { TestBroker, until } from '#messaging/broker.testing';
import { buryFact } from '#messaging/bury-fact';
import { Bus } from '#messaging/bus';
import { DeadLetters } from '#messaging/dead-letters';
import { OutboxRelay } from '#messaging/outbox-relay';
import { type Digest, digestOf } from '#oci/digest';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { Database } from '../database/database';
import { partitionOf, recordFact } from './outbox.store';
import { OutboxRowsStore } from './outbox-rows.store';

const TIMES = { leaseMs: 1_000, sweepMs: 100 };
const SUM: Digest = digestOf(Buffer.from('x'));

/** A bus of a process that stops in the middle of a publish, and may wake up again much later. */
class SleepyBus extends Bus {
  private left = Number.POSITIVE_INFINITY;
  private readonly sleeping: (() => void)[] = [];

  sleepAfter(publishes: number): void {
    this.left = publishes;
  }

  wakeUp(): void {
    this.left = Number.POSITIVE_INFINITY;
    for (const wake of this.sleeping.splice(0)) wake();
  }

  override async publishDurable(subject: string, json: unknown, messageId: string): Promise<void> {
    this.left -= 1;
    if (this.left < 0) await new Promise<void>((resolve) => this.sleeping.push(resolve));
    await super.publishDurable(subject, json, messageId);
  }
}

interface Fact {
  readonly id: string;
  readonly revision: string;
  readonly subject: string;
  readonly data: { readonly tag: string };
}

describe('relaying the outbox', () => {
  let postgres: TestDatabase;
  let broker: TestBroker;
  let database: Database;
  let bus: Bus;
  let rows: OutboxRowsStore;

  beforeAll(async () => {
    [postgres, broker] = await Promise.all([startTestDatabase(), TestBroker.start()]);
    database = await Database.open({ url: postgres.url, poolSize: 8, waitMs: 30_000 });
    bus = new Bus({ url: broker.url, name: 'spec', keepsStreams: true });
    await bus.start();
    rows = new OutboxRowsStore(database);
  });
  afterAll(async () => {
    await bus?.drain();
    await database?.onApplicationShutdown();
    await broker?.stop();
    await postgres?.stop();
  });
  beforeEach(async () => {
    await bus.ensureStreams();
    await (await bus.manager()).streams.purge('ENTREPOT_FACTS');
  });

  /** Many writers; each aggregate's facts are numbered in the order of their commits. */
  const write = (aggregates: number, each: number) =>
    Promise.all(
      Array.from({ length: aggregates }, async (_, n) => {
        for (let i = 0; i < each; i++) {
          await database.transaction('metadata.test', (sql) =>
            recordFact(sql, TagMoved, `team/app:${n}`, { repository: 'team/app', tag: String(i), from: null, to: SUM }),
          );
        }
      }),
    );
  const stored = async (): Promise<Fact[]> => {
    const manager = await bus.manager();
    const { state } = await manager.streams.info('ENTREPOT_FACTS');
    const facts: Fact[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.direct.getMessage('ENTREPOT_FACTS', { seq });
      if (message) facts.push(message.json<Fact>());
    }
    return facts;
  };
  const left = async () => (await database.read<{ n: number }>('SELECT count(*)::int AS n FROM outbox'))[0]!.n;
  const expectAllInOrder = (facts: Fact[], aggregates: number, each: number) => {
    expect(facts).toHaveLength(aggregates * each);
    expect(new Set(facts.map(({ id }) => id)).size).toBe(aggregates * each);
    for (let n = 0; n < aggregates; n++) {
      const own = facts.filter(({ subject }) => subject === `team/app:${n}`);
      expect(own.map(({ data }) => data.tag)).toEqual(Array.from({ length: each }, (_, i) => String(i)));
      const revisions = own.map(({ revision }) => Number(revision));
      expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    }
  };

  it('publishes every committed fact once, in the order of each aggregate, soon after its commit', async () => {
    const relay = new OutboxRelay(bus, rows, { leaseMs: 10_000, sweepMs: 60_000 });
    relay.start();
    await write(10, 20);
    await until('the outbox is empty', async () => (await left()) === 0, 5_000);
    expectAllInOrder(await stored(), 10, 20);
    await relay.stop();
  });

  it('publishes nothing of a transaction that did not commit', async () => {
    const relay = new OutboxRelay(bus, rows, TIMES);
    relay.start();
    const failed = database.transaction('metadata.test', async (sql) => {
      await recordFact(sql, TagMoved, 'team/app:0', { repository: 'team/app', tag: 'x', from: null, to: SUM });
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    await write(1, 1);
    await until('the outbox is empty', async () => (await left()) === 0);
    expect((await stored()).map(({ data }) => data.tag)).toEqual(['0']);
    await relay.stop();
  });

  it('keeps the order while two compete and one stops in the middle; the sleeper that wakes changes nothing', async () => {
    const sleepy = new SleepyBus({ url: broker.url, name: 'sleepy' });
    await sleepy.start();
    const first = new OutboxRelay(sleepy, rows, TIMES);
    sleepy.sleepAfter(50);
    first.start();
    const writing = write(10, 30);
    await until('the first one relays', async () => (await stored()).length >= 50);
    const second = new OutboxRelay(bus, rows, TIMES);
    second.start();
    await writing;
    await until('the outbox is empty', async () => (await left()) === 0);
    sleepy.wakeUp();
    await first.stop();
    expectAllInOrder(await stored(), 10, 30);
    await second.stop();
    await sleepy.drain();
  });

  it('puts away what is too large for NATS, and goes on with the partition', async () => {
    const letters = new DeadLetters(bus);
    await database.transaction('metadata.test', (sql) =>
      sql.query(
        `INSERT INTO outbox (partition, subject, message, message_id) VALUES ($1, 'entrepot.fact.tag.moved',
          jsonb_build_object('data', repeat('x', 2000000)), 'large')`,
        [partitionOf('team/app:0')],
      ),
    );
    await write(1, 3);
    const relay = new OutboxRelay(bus, rows, TIMES);
    relay.start();
    await until('the outbox is empty', async () => (await left()) === 0, 5_000);
    await relay.stop();
    expectAllInOrder(await stored(), 1, 3);
    const dead = await letters.list();
    expect(dead).toHaveLength(1);
    expect(dead[0]).toMatchObject({ subject: 'entrepot.fact.tag.moved', stream: 'ENTREPOT_FACTS', messageId: 'large' });
    expect(dead[0]!.reason).toContain('max_payload 1048576');
    expect(dead[0]!.cutFrom).toBeGreaterThan(2_000_000);
    const again = letters.replay(dead[0]!.sequence);
    await expect(again).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('read by the API'),
    });
    await letters.drop(dead[0]!.sequence);
  });

  it('stores a fact that was put away whole as it would have been stored, and once, whoever sends it again', async () => {
    const letters = new DeadLetters(bus);
    await write(1, 1);
    const [row] = await rows.read(partitionOf('team/app:0'), 10);
    await buryFact(bus, row!, 'the server would not take it');
    const [dead] = await letters.list();
    expect(dead).toMatchObject({ messageId: row!.messageId, cutFrom: null });
    const twice = new DeadLetters(bus);
    jest.spyOn(twice, 'drop').mockRejectedValueOnce(new Error('interrupted'));
    await expect(twice.replay(dead!.sequence)).rejects.toThrow('interrupted');
    await letters.replay(dead!.sequence);
    expect(await letters.list()).toEqual([]);
    const relay = new OutboxRelay(bus, rows, TIMES);
    relay.start();
    await until('the outbox is empty', async () => (await left()) === 0, 5_000);
    await relay.stop();
    expectAllInOrder(await stored(), 1, 1);
    const manager = await bus.manager();
    const message = await manager.direct.getMessage('ENTREPOT_FACTS', { last_by_subj: TagMoved.subject });
    const own = [...message!.header].filter(([name]) => name.startsWith('Entrepot-') || name === 'Nats-Msg-Id');
    expect(own).toEqual([['Nats-Msg-Id', [row!.messageId]]]);
  });

  it('leaves out of a fact the outcome that would be too large, and records no other fact that is', async () => {
    const about = { operation: randomUUID(), kind: 'remove' as const, principal: ANONYMOUS };
    await database.transaction('metadata.test', async (sql) => {
      await recordFact(sql, OperationCompleted, about.operation, { ...about, outcome: { all: 'x'.repeat(70_000) } });
      const error = { code: 'INVALID', message: 'no', detail: 'x'.repeat(70_000) };
      await recordFact(sql, OperationFailed, about.operation, { ...about, error });
    });
    const kept = await database.read<{ data: object }>(`SELECT message -> 'data' AS data FROM outbox ORDER BY id`);
    expect(kept.map(({ data }) => data)).toEqual([
      { ...about, outcome: {} },
      { ...about, error: { code: 'INVALID', message: 'no' } },
    ]);
    await database.transaction('metadata.test', (sql) => sql.query('DELETE FROM outbox'));
    const tag = 'x'.repeat(70_000);
    const large = database.transaction('metadata.test', (sql) =>
      recordFact(sql, TagMoved, 'team/app:0', { repository: 'team/app', tag, from: null, to: SUM }),
    );
    await expect(large).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('gives its partitions back when it ends, so that the next need not wait', async () => {
    const first = new OutboxRelay(bus, rows, { leaseMs: 60_000, sweepMs: 100 });
    first.start();
    await write(4, 2);
    await until('the outbox is empty', async () => (await left()) === 0);
    await first.stop();
    const second = new OutboxRelay(bus, rows, { leaseMs: 60_000, sweepMs: 100 });
    second.start();
    await write(4, 2);
    await until('the outbox is empty', async () => (await left()) === 0, 5_000);
    await second.stop();
  });

  it('waits for NATS, keeps every fact meanwhile, and sends all when it comes, even to a store that was wiped', async () => {
    const relay = new OutboxRelay(bus, rows, TIMES);
    relay.start();
    await broker.kill();
    await until('the bus is away', () => !bus.state().connected);
    await write(5, 10);
    expect(await left()).toBe(50);
    await broker.wipe();
    await broker.restart();
    await until('the outbox is empty', async () => (await left()) === 0);
    expectAllInOrder(await stored(), 5, 10);
    await relay.stop();
  });

  it('waits for a database that was away', async () => {
    const relay = new OutboxRelay(bus, rows, TIMES);
    relay.start();
    await write(2, 2);
    await postgres.kill();
    await postgres.start();
    await write(2, 2);
    await until('the outbox is empty', async () => (await left()) === 0);
    expect(await stored()).toHaveLength(8);
    await relay.stop();
  });
});
