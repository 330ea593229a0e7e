import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import type { z } from 'zod';
import { type RunningNatsServer, startNatsServer } from '#children/nats-server';
import type { NewBusUserSchema } from '#contracts/calls/bus-users';
import { ANONYMOUS } from '#contracts/principal';
import { Bus } from '#messaging/bus';
import { eventually } from '#testing/eventually';
import { NatsWire } from '#testing/nats-wire';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { Database } from '../database/database';
import { MetadataConfigSchema } from '../metadata.config';
import { BusLoginHandler } from './bus-login.handler';
import { BusUserController } from './bus-user.controller';
import { BusUserStore } from './bus-user.store';

type NewUser = z.output<typeof NewBusUserSchema>;

/** A replica of metadata, as far as users of the bus go. */
class Replica {
  private constructor(
    readonly users: BusUserController,
    readonly logins: BusLoginHandler,
    private readonly bus: Bus,
    readonly database: Database,
  ) {}

  static async start(databaseUrl: string, nats: RunningNatsServer, most = 1_000): Promise<Replica> {
    const database = await Database.open({ url: databaseUrl, poolSize: 4, waitMs: 60_000 });
    const settings = { ENTREPOT_NATS_ISSUER_FILE: nats.issuerFile, ENTREPOT_BUS_USERS: String(most) };
    const config = MetadataConfigSchema.parse({ DATABASE_URL: databaseUrl, ...settings });
    const bus = new Bus({ url: nats.url, name: 'spec', keepsStreams: true });
    const store = new BusUserStore(database, config);
    const logins = new BusLoginHandler(bus, store, config);
    await bus.start();
    await bus.ensureStreams();
    logins.onApplicationBootstrap();
    await bus.link.current()?.flush();
    return new Replica(new BusUserController(store, logins), logins, bus, database);
  }

  create(name: string): Promise<NewUser> {
    return this.users.create({ asker: ANONYMOUS, name }).then(({ user }) => user);
  }

  async stop(): Promise<void> {
    this.logins.onModuleDestroy();
    await this.bus.drain();
    await this.database.onApplicationShutdown();
  }
}

describe('users of the bus that are made at run time', () => {
  let folder: string;
  let postgres: TestDatabase;
  let nats: RunningNatsServer;
  let replicas: Replica[];
  let services: NatsWire;
  let [ann, bob]: NewUser[] = [];
  /** Stays open: each login costs a look at a password. */
  let asAnn: NatsWire;
  const open: NatsWire[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-users-'));
    [postgres, nats] = await Promise.all([startTestDatabase(), startNatsServer({ folder })]);
    replicas = [await Replica.start(postgres.url, nats), await Replica.start(postgres.url, nats)];
    services = await NatsWire.connect(nats.url);
    ann = await replicas[0]!.create('ann');
    bob = await replicas[1]!.create('bob');
    asAnn = await login(ann);
    open.splice(0);
    await services.request('entrepot.fact.image.pulled', { number: 1 });
    await services.request(`entrepot.outcome.${ann.principal}.7`, { state: 'completed' });
    await services.request(`entrepot.outcome.${bob.principal}.8`, { secret: true });
  }, 120_000);
  afterEach(() => {
    jest.restoreAllMocks();
    for (const wire of open.splice(0)) wire.close();
  });
  afterAll(async () => {
    for (const wire of [services, asAnn]) wire?.close();
    for (const replica of replicas ?? []) await replica.stop();
    await Promise.all([nats?.stop(), postgres?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  const urlOf = ({ principal }: NewUser, password: string) => `nats://${principal}:${password}@127.0.0.1:${nats.port}`;
  const attempt = async (user: NewUser, password = user.password) => {
    const wire = await NatsWire.connect(urlOf(user, password), `_INBOX_${user.principal}`);
    open.push(wire);
    return wire;
  };
  /** On a busy machine a server may not wait for the look at the password. */
  const login = (user: NewUser) => eventually('it is let in', () => attempt(user), { withinMs: 30_000 });
  const requests = async () => {
    const question = { subjects_filter: '>' };
    const info = await services.request('$JS.API.STREAM.INFO.ENTREPOT_REQUESTS', question);
    return (info as { state: { subjects?: Record<string, number> } }).state.subjects ?? {};
  };

  it('can ask in their own name as soon as they are made, whichever replica made them', async () => {
    for (const replica of replicas) {
      const user = await replica.create(`new-${replicas.indexOf(replica)}`);
      const wire = await login(user);
      const subject = `entrepot.request.pull.${user.principal}`;
      expect(await wire.request(subject, { reference: 'a:1' })).toMatchObject({ stream: 'ENTREPOT_REQUESTS' });
      expect(await requests()).toMatchObject({ [subject]: 1 });
    }
  });

  it('made twice by one question, whose first answer was lost, are one, with one password', async () => {
    const question = { asker: ANONYMOUS, name: 'twice', seed: randomBytes(32).toString('base64url') };
    const answers = await Promise.all(replicas.map(({ users }) => users.create(question)));
    expect(answers[0]).toEqual(answers[1]);
    await login(answers[0]!.user);
    await expect(replicas[0]!.create('twice')).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('read facts, and their own outcomes and progress, live and afterwards', async () => {
    const wire = await login(ann!);
    const own = `entrepot.outcome.${ann!.principal}`;
    const outcomes = '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES';
    expect(await wire.ask(`${outcomes}.${own}.7`, '')).toBe('{"state":"completed"}');
    expect(await wire.request('$JS.API.DIRECT.GET.ENTREPOT_FACTS', { seq: 1 })).toEqual({ number: 1 });
    for (const subject of ['entrepot.fact.tag.moved', `${own}.9`, `entrepot.progress.${ann!.principal}.9`]) {
      expect(await wire.subscribe(subject.replace(/\.[^.]+$/, '.>'))).toBeUndefined();
      const message = wire.message();
      await services.publish(subject, '{"live":1}');
      expect(await message).toEqual({ subject, body: '{"live":1}' });
    }
  });

  it.each([
    'entrepot.request.pull',
    'entrepot.request.pull.BOB',
    'entrepot.request.remove.anonymous',
    'entrepot.fact.image.pulled',
    'entrepot.dead.requests',
    'entrepot.outcome.OWN.7',
    'entrepot.progress.OWN.7',
    'entrepot.refused.x',
    'entrepot.follow',
    'entrepot.wake.outbox',
    '$JS.API.INFO',
    '$JS.API.STREAM.NAMES',
    '$JS.API.STREAM.PURGE.ENTREPOT_REQUESTS',
    '$JS.API.STREAM.DELETE.ENTREPOT_FACTS',
    '$JS.API.STREAM.MSG.GET.ENTREPOT_REQUESTS',
    '$JS.API.CONSUMER.CREATE.ENTREPOT_FACTS',
    '$JS.API.CONSUMER.CREATE.ENTREPOT_OUTCOMES.thief.entrepot.outcome.OWN.7',
    '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES',
    '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.entrepot.outcome.BOB.8',
    '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.entrepot.outcome.*.8',
    '$JS.API.DIRECT.GET.ENTREPOT_REQUESTS',
    '$JS.ACK.ENTREPOT_REQUESTS.metadata.1.1.1.1.1',
    '$SYS.REQ.SERVER.PING.CONNZ',
    '$SYS.REQ.USER.AUTH',
    '_INBOX_BOB.x',
  ])('may not publish to %s', async (pattern) => {
    const subject = pattern.replace('OWN', ann!.principal).replace('BOB', bob!.principal);
    expect(await asAnn.publish(subject)).toMatch(/Permissions Violation|Invalid Publish Subject/);
  });

  it.each([
    '>',
    'entrepot.>',
    'entrepot.request.>',
    'entrepot.request.*.OWN',
    'entrepot.outcome.>',
    'entrepot.outcome.BOB.>',
    'entrepot.progress.BOB.>',
    'entrepot.dead.>',
    '_INBOX.>',
    '_INBOX_BOB.>',
    '$SYS.>',
    '$SYS.REQ.USER.AUTH',
    '$JS.>',
  ])('may not listen to %s', async (pattern) => {
    const subject = pattern.replace('OWN', ann!.principal).replace('BOB', bob!.principal);
    expect(await asAnn.subscribe(subject)).toMatch(/Permissions Violation for Subscription/);
  });

  it.each([
    ['{"seq":2}'],
    ['{"last_by_subj":"entrepot.outcome.BOB.8"}'],
    ['{"multi_last":["entrepot.outcome.>"]}'],
    ['{"seq":1,"batch":10}'],
  ])("nobody else's outcome can be named in a question about an own one: %s", async (question) => {
    const subject = `$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.entrepot.outcome.${ann!.principal}.7`;
    expect(await asAnn.ask(subject, question.replace('BOB', bob!.principal))).not.toContain('secret');
  });

  it.each([
    'entrepot.request.remove.BOB',
    'entrepot.request.prune',
    'entrepot.outcome.BOB.forged',
    'entrepot.progress.BOB.forged',
    'entrepot.fact.tag.forged',
    '$JS.API.STREAM.PURGE.ENTREPOT_REQUESTS',
    '_INBOX_BOB.guessed',
  ])('what a server answers them is not heard by others on the reply subject %s', async (pattern) => {
    const [victim, listener] = [await login(bob!), await NatsWire.connect(nats.url)];
    open.push(listener);
    const reply = pattern.replace('BOB', bob!.principal);
    const before = await requests();
    for (const own of [`entrepot.outcome.${bob!.principal}.>`, `entrepot.progress.${bob!.principal}.>`])
      await victim.subscribe(own);
    await victim.subscribe('entrepot.fact.>');
    const heard = victim.message();
    await listener.subscribe(reply);
    const byServices = listener.message();
    await asAnn.publish(`entrepot.request.pull.${ann!.principal}`, '{}', reply);
    await asAnn.publish('$JS.API.DIRECT.GET.ENTREPOT_FACTS', '{"seq":1}', reply);
    await asAnn.publish(`$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.entrepot.outcome.${ann!.principal}.7`, '', reply);
    const now = async () => (await requests())[`entrepot.request.pull.${ann!.principal}`] ?? 0;
    const own = before[`entrepot.request.pull.${ann!.principal}`] ?? 0;
    await eventually('the own request has come', async () => (await now()) > own);
    expect(await requests()).not.toHaveProperty([reply]);
    await services.publish(`entrepot.progress.${bob!.principal}.end`, '"the end"');
    await services.publish(reply, '"the end"');
    expect((await heard).body).toBe('"the end"');
    expect((await byServices).body).toBe('"the end"');
  });

  it.each([
    ['a wrong password', () => urlOf(ann!, 'guess')],
    ['the password of another', () => urlOf(ann!, bob!.password)],
    ['no password', () => `nats://${ann!.principal}@127.0.0.1:${nats.port}`],
    ['a user that there is not', () => `nats://nobody:${ann!.password}@127.0.0.1:${nats.port}`],
    ['a name in place of the user', () => `nats://ann:${ann!.password}@127.0.0.1:${nats.port}`],
    ['what is no user at all', () => `nats://${encodeURIComponent("' OR true --")}:x@127.0.0.1:${nats.port}`],
    ['the user of the services, by a guess', () => `nats://entrepot:guess@127.0.0.1:${nats.port}`],
  ])('come in with nothing else: %s', async (_, url) => {
    await expect(NatsWire.connect(url())).rejects.toThrow(/Authorization Violation/);
  });

  it('are out within seconds when they are deleted, and do not come in again', async () => {
    const user = await replicas[0]!.create('leaver');
    const wires = [await login(user), await login(user)];
    const stayer = await login(ann!);
    const began = performance.now();
    expect(await replicas[1]!.users.delete({ asker: ANONYMOUS, name: 'leaver' })).toEqual({ deleted: true });
    await eventually('both are out', async () => wires.every(({ isClosed }) => isClosed), { withinMs: 30_000 });
    process.stderr.write(`  out ${Math.round(performance.now() - began)} ms after the answer\n`);
    await expect(attempt(user)).rejects.toThrow(/Authorization Violation/);
    expect([stayer, services, asAnn].map(({ isClosed }) => isClosed)).toEqual([false, false, false]);
    expect(await replicas[0]!.users.delete({ asker: ANONYMOUS, name: 'leaver' })).toEqual({ deleted: false });
  });

  it('that came in while they were deleted are found by a later look', async () => {
    const user = await replicas[0]!.create('quick');
    const late = await login(user);
    await replicas[0]!.database.read('DELETE FROM bus_user WHERE principal = $1', [user.principal]);
    replicas[1]!.logins.cutSoon();
    await eventually('it is out', async () => late.isClosed, { withinMs: 30_000 });
  });

  it('are not let in while metadata is away; who is in stays, and anybody asks as before', async () => {
    const inside = await login(ann!);
    const stopped = replicas.splice(0);
    for (const replica of stopped) await replica.stop();
    await expect(attempt(ann!)).rejects.toThrow(/Authorization|Authentication/);
    expect(await inside.request('$JS.API.DIRECT.GET.ENTREPOT_FACTS', { seq: 1 })).toEqual({ number: 1 });
    const anybody = await NatsWire.connect(nats.anonymousUrl);
    open.push(anybody);
    expect(await anybody.request('entrepot.request.pull', {})).toMatchObject({ stream: 'ENTREPOT_REQUESTS' });
    replicas = [await Replica.start(postgres.url, nats), await Replica.start(postgres.url, nats)];
    await login(ann!);
    expect(inside.isClosed).toBe(false);
  }, 60_000);

  it('are not let in while Postgres is away, and nobody is thrown out for it', async () => {
    const inside = await login(ann!);
    await postgres.kill();
    await expect(attempt(ann!)).rejects.toThrow(/Authorization|Authentication/);
    replicas[0]!.logins.cutSoon();
    await postgres.start();
    await login(ann!);
    expect(inside.isClosed).toBe(false);
  }, 60_000);

  it('keep their password to themselves: of it only what checks it is kept, and nothing is said', async () => {
    const said: string[] = [];
    for (const level of ['log', 'warn', 'error', 'debug'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation((...words: unknown[]) => void said.push(words.join(' ')));
    const user = await replicas[0]!.create('quiet');
    await expect(attempt(user, `${user.password}x`)).rejects.toThrow();
    await login(user);
    const rows = await replicas[0]!.database.read<{ password_hash: string }>('SELECT * FROM bus_user');
    expect(said.join('\n')).toMatch(/quiet \(u\w+\) was made by anonymous/);
    for (const text of [said.join('\n'), JSON.stringify(rows)]) expect(text).not.toContain(user.password);
    for (const { password_hash } of rows) expect(password_hash).toMatch(/^scrypt\$16384\$8\$1\$/);
  });

  it('have names that no two have, are listed in pages, and are as many as may be', async () => {
    const taken = { code: 'CONFLICT', message: expect.stringContaining('named ann already') };
    await expect(replicas[1]!.create('ann')).rejects.toMatchObject(taken);
    const first = await replicas[0]!.users.list({ limit: 1 });
    expect(first).toMatchObject({ users: [{ name: 'ann', createdBy: 'anonymous' }], next: 'ann' });
    const all = await replicas[0]!.users.list({ after: 'ann', limit: 100 });
    expect(all.users.map(({ name }) => name)).toContain('bob');
    expect(all.next).toBeNull();
    expect(JSON.stringify(all)).not.toMatch(/password/);
    const few = await Replica.start(postgres.url, nats, all.users.length + 2);
    const made = await Promise.allSettled([few.create('x1'), replicas[0]!.users.list({ limit: 1 }), few.create('x2')]);
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    await few.stop();
  });
});
