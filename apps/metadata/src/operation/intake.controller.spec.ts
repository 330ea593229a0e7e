import type { INestMicroservice } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Operation } from '#contracts/operation';
import { ANONYMOUS, PrincipalSchema } from '#contracts/principal';
import { TestBroker, until } from '#messaging/broker.testing';
import { Bus } from '#messaging/bus';
import { BusModule } from '#messaging/bus.module';
import { DeadLetters } from '#messaging/dead-letters';
import { JetStreamStrategy } from '#messaging/jetstream.strategy';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { Database } from '../database/database';
import { MetadataConfigSchema } from '../metadata.config';
import { MetadataModule } from '../metadata.module';
import { OperationStore } from './operation.store';

const PULL = 'entrepot.request.pull';
const KIM = PrincipalSchema.parse('k1m');

describe('requests from the bus', () => {
  let postgres: TestDatabase;
  let broker: TestBroker;
  let bus: Bus;
  let anybody: Bus;
  let app: INestMicroservice;

  beforeAll(async () => {
    [postgres, broker] = await Promise.all([startTestDatabase(), TestBroker.start()]);
    bus = new Bus({ url: broker.url, name: 'metadata', keepsStreams: true });
    const config = MetadataConfigSchema.parse({ DATABASE_URL: postgres.url });
    const module = await Test.createTestingModule({
      imports: [BusModule.of(bus), MetadataModule.with(config)],
    }).compile();
    const patience = { deliveries: 5, firstDelayMs: 20, longestDelayMs: 200 };
    app = module.createNestMicroservice({
      strategy: new JetStreamStrategy({ bus, service: 'metadata', ackWaitMs: 2_000, patience }),
    });
    await app.listen();
    anybody = new Bus({ url: broker.anonymousUrl, name: 'anybody' });
    await anybody.start();
    await bus.ensureStreams();
  });
  afterAll(async () => {
    await app?.close();
    await anybody?.drain();
    await broker?.stop();
    await postgres?.stop();
  });
  beforeEach(async () => {
    await database().transaction('metadata.test', (sql) => sql.query('TRUNCATE operation CASCADE'));
    for (const { sequence } of await new DeadLetters(bus).list()) await new DeadLetters(bus).drop(sequence);
  });

  const database = () => app.get(Database);
  const operations = async (principal = ANONYMOUS): Promise<Operation[]> =>
    (await app.get(OperationStore).list({ principal, limit: 1000 })).operations;
  const taken = () =>
    until('every message was taken', async () => {
      const manager = await bus.manager();
      return (await manager.streams.info('ENTREPOT_REQUESTS')).state.messages === 0;
    });
  const send = (body: unknown, id = `id-${Math.random()}`, subject = PULL) =>
    bus.store(subject, typeof body === 'string' ? body : JSON.stringify(body), id);
  const event = (data: unknown, more: object = {}) => ({
    specversion: '1.0',
    id: 'event-1',
    source: 'spec',
    type: 'dev.entrepot.request.pull.v1',
    data,
    ...more,
  });

  it('makes one operation of a hundred copies of one message', async () => {
    await Promise.all(Array.from({ length: 100 }, (_, n) => send(event({ reference: 'alpine:3' }), `copy-${n}`)));
    await taken();
    expect(await operations()).toMatchObject([
      { requestId: 'event-1', state: 'accepted', body: { platforms: 'host' } },
    ]);
    const [facts] = await database().read<{ count: number }>(
      `SELECT count(*)::int FROM outbox WHERE subject = 'entrepot.fact.operation.accepted'`,
    );
    expect(facts!.count).toBeLessThanOrEqual(1);
  });

  it('makes a failed operation of the same id with another body, and leaves the first alone', async () => {
    await send(event({ reference: 'alpine:3' }));
    await taken();
    await send(event({ reference: 'alpine:4' }));
    await taken();
    const [second, first] = await operations();
    expect(first).toMatchObject({ requestId: 'event-1', state: 'accepted', body: { reference: 'alpine:3' } });
    expect(second).toMatchObject({ state: 'failed', error: { code: 'CONFLICT' }, body: { reference: 'alpine:4' } });
    expect(second?.error?.message).toContain(first?.id);
  });

  it('sees another body under one message id, although the server would take it for a duplicate', async () => {
    await send({ reference: 'alpine:3' }, 'm1');
    await until('the other body is seen', async () => {
      await send({ reference: 'alpine:4' }, 'm1');
      await taken();
      return (await operations()).length === 2;
    });
    const [second, first] = await operations();
    expect(first).toMatchObject({ requestId: 'm1', state: 'accepted' });
    expect(second).toMatchObject({ state: 'failed', error: { code: 'CONFLICT' } });
  });

  it('takes the same id of two principals as two requests', async () => {
    await send(event({ reference: 'alpine:3' }));
    await send(event({ reference: 'alpine:4' }), 'other', `${PULL}.k1m`);
    await taken();
    expect(await operations()).toHaveLength(1);
    expect(await operations(KIM)).toMatchObject([{ principal: 'k1m', body: { reference: 'alpine:4' } }]);
  });

  it('keeps no password that somebody pasted into a reference', async () => {
    await send({ reference: 'kim:hunter2@registry.example/app' });
    await taken();
    const rows = await database().read<{ text: string }>('SELECT operation::text AS text FROM operation');
    const facts = await database().read<{ text: string }>('SELECT message::text AS text FROM outbox');
    expect(JSON.stringify([rows, facts, await operations()])).not.toContain('hunter2');
    expect(await operations()).toMatchObject([{ state: 'failed', body: { reference: '***@registry.example/app' } }]);
  });

  it.each([
    ['tag', { source: 'kim:hunter2@registry.example/app', target: 'localhost:5050/a:1' }],
    ['tag', { source: 'node:20', target: 'kim:hunter2@localhost:5050/a:1' }],
    ['remove', { references: ['node:20', 'kim:hunter2@registry.example/app'] }],
    [
      'container-create',
      { image: 'node', nothing: { 'kim:hunter2@registry.example': ['https://kim:hunter2@x.example'] } },
    ],
  ])('nor one anywhere else in a %s that is refused', async (kind, body) => {
    await send(body, undefined, `entrepot.request.${kind}`);
    await taken();
    expect(await operations()).toMatchObject([{ kind, state: 'failed' }]);
    const rows = await database().read<{ text: string }>('SELECT operation::text AS text FROM operation');
    const facts = await database().read<{ text: string }>('SELECT message::text AS text FROM outbox');
    expect(JSON.stringify([rows, facts])).not.toContain('hunter2');
  });

  it('takes bare JSON from a person who gives no name, under an id of its place in the stream', async () => {
    anybody.publish(PULL, { reference: 'alpine:3' });
    anybody.publish(PULL, { reference: 'alpine:3' });
    await until('both are operations', async () => (await operations()).length === 2);
    for (const { requestId } of await operations()) expect(requestId).toMatch(/^message-ENTREPOT_REQUESTS-\d+-\d+$/);
  });

  it.each([
    [
      'an unknown field',
      { reference: 'alpine', platform: 'linux/amd64' },
      'platform is invalid: there is no such field',
    ],
    ['a wrong reference', { reference: 'Alpine' }, 'reference is invalid'],
    ['a bare digest', { reference: `sha256:${'a'.repeat(64)}` }, 'does not say which registry'],
    ['a wrong platform', { reference: 'alpine', platforms: ['linux'] }, 'platforms is invalid'],
    ['a missing reference', {}, 'reference is invalid'],
    ['U+0000, which the database does not keep', { reference: 'a\u0000b' }, 'reference is invalid'],
    ['half a surrogate pair', { reference: 'a\ud800b' }, 'reference is invalid'],
    [
      'another type',
      event({ reference: 'alpine' }, { type: 'dev.entrepot.request.push.v1' }),
      'must be dev.entrepot.request.pull.v1',
    ],
    ['a CloudEvent without a source', event({ reference: 'alpine' }, { source: undefined }), "the CloudEvent's source"],
    ['a CloudEvent whose data is a list', event([1]), "the CloudEvent's data"],
    ['an id with a line break', event({ reference: 'alpine' }, { id: 'a\nb' }), 'no control characters'],
    ['a body too large to be kept', { reference: 'x'.repeat(40_000) }, 'reference is invalid'],
  ])('makes a failed operation of %s', async (_, body, says) => {
    await send(body);
    await taken();
    const [failed, ...more] = await operations();
    expect(more).toEqual([]);
    expect(failed).toMatchObject({ state: 'failed', attempts: 0, error: { code: 'INVALID' } });
    expect(failed?.error?.message).toContain(says);
    expect(await new DeadLetters(bus).list()).toEqual([]);
  });

  it('makes one failed operation of a message that comes again', async () => {
    for (let n = 0; n < 3; n++) await send(event({ reference: 'Alpine' }), `again-${n}`);
    await taken();
    expect(await operations()).toMatchObject([{ state: 'failed', requestId: 'event-1' }]);
  });

  it('says that an image to be removed is not here', async () => {
    await send({ reference: 'alpine:3' }, 'remove-1', 'entrepot.request.remove');
    await taken();
    expect(await operations()).toMatchObject([{ kind: 'remove', state: 'failed', error: { code: 'NOT_FOUND' } }]);
  });

  it.each([
    ['an empty message', '', PULL, 'is empty'],
    ['no JSON', 'alpine:3', PULL, 'cannot be read'],
    ['a list', '[]', PULL, 'must be a JSON object'],
    ['a key twice', '{"reference":"a","reference":"b"}', PULL, 'twice'],
    ['what is nested too deep', '['.repeat(50), PULL, 'nested deeper'],
    ['a mebibyte', JSON.stringify({ reference: 'x'.repeat(1_048_000) }), PULL, 'at most 65536'],
    ['an unknown verb', '{}', 'entrepot.request.fly', 'the verbs are pull, remove'],
    ['a principal that is none', '{}', 'entrepot.request.pull.K1M', 'is no principal'],
    ['too long a subject', '{}', 'entrepot.request.pull.k1m.x', 'the subject must be'],
  ])('keeps %s as a dead letter', async (_, body, subject, says) => {
    await send(body, `poison-${Math.random()}`, subject);
    await taken();
    const letters = await new DeadLetters(bus).list();
    expect(letters).toMatchObject([{ subject, deliveries: 1 }]);
    expect(letters[0]?.reason).toContain(says);
    expect(await operations()).toEqual([]);
  });

  it('sends the fact and the outcome of an operation that failed at once', async () => {
    const heard: unknown[] = [];
    anybody.subscribe('entrepot.outcome.anonymous.*', (json) => void heard.push(json));
    anybody.publish(PULL, { reference: 'Alpine' });
    await until('the outcome was heard', () => heard.length === 1);
    const [failed] = await operations();
    expect(heard).toMatchObject([
      { type: 'dev.entrepot.fact.operation.failed.v1', data: { operation: failed?.id, error: { code: 'INVALID' } } },
    ]);
  });

  it('waits for a database that is away, and loses nothing of what came meanwhile', async () => {
    await postgres.kill();
    for (let n = 0; n < 20; n++) await send({ reference: 'alpine:3' }, `away-${n}`);
    await until('one was tried and put back', async () => {
      const manager = await bus.manager();
      return (await manager.consumers.info('ENTREPOT_REQUESTS', 'metadata-entrepot-request-all')).num_redelivered > 0;
    });
    await postgres.start();
    await taken();
    expect(await operations()).toHaveLength(20);
    expect(await new DeadLetters(bus).list()).toEqual([]);
  });

  it('takes each once when the broker is killed meanwhile', async () => {
    for (let n = 0; n < 50; n++) await send({ reference: 'alpine:3' }, `kill-${n}`);
    await broker.kill();
    await broker.restart();
    await until('the bus is back', () => bus.state().connected);
    await taken();
    const found = await operations();
    expect(found).toHaveLength(50);
    expect(new Set(found.map(({ state }) => state))).toEqual(new Set(['accepted']));
  });

  it('loses nothing that was accepted when every stream is wiped, and takes requests again', async () => {
    await send({ reference: 'alpine:3' }, 'before');
    await taken();
    await broker.kill();
    await broker.wipe();
    await broker.restart();
    await until('a request is taken', () =>
      send({ reference: 'alpine:3' }, 'after').then(
        () => true,
        () => false,
      ),
    );
    await taken();
    await until('every fact is sent', async () => (await database().read('SELECT 1 FROM outbox')).length === 0);
    expect((await operations()).map(({ requestId }) => requestId)).toEqual(['after', 'before']);
  });
});
