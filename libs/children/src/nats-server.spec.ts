import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NatsWire } from '#testing/nats-wire';
import { TcpServer } from '#testing/tcp-server';
import { type RunningNatsServer, startNatsServer } from './nats-server';

describe('a nats-server child', () => {
  let folder: string;
  let server: RunningNatsServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-nats-'));
    server = await startNatsServer({ folder });
    const services = await NatsWire.connect(server.url);
    await services.request('$JS.API.STREAM.CREATE.ENTREPOT_FACTS', {
      name: 'ENTREPOT_FACTS',
      subjects: ['entrepot.fact.>'],
      allow_direct: true,
    });
    await services.request('$JS.API.STREAM.CREATE.ENTREPOT_REQUESTS', {
      name: 'ENTREPOT_REQUESTS',
      subjects: ['entrepot.request.>'],
      allow_direct: true,
    });
    await services.request('$JS.API.STREAM.CREATE.ENTREPOT_OUTCOMES', {
      name: 'ENTREPOT_OUTCOMES',
      subjects: ['entrepot.outcome.*.*'],
      max_msgs_per_subject: 1,
      allow_direct: true,
    });
    await services.request('entrepot.fact.image.pulled', { number: 1 });
    await services.request('entrepot.outcome.anonymous.41', { state: 'failed' });
    await services.request('entrepot.outcome.anonymous.41', { state: 'completed' });
    await services.request('entrepot.outcome.k3x9.43', { secret: true });
    services.close();
  });

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const asAnybody = () => NatsWire.connect(server.anonymousUrl);
  const requests = async () => {
    const services = await NatsWire.connect(server.url);
    const info = (await services.request('$JS.API.STREAM.INFO.ENTREPOT_REQUESTS', { subjects_filter: '>' })) as {
      state: { subjects?: Record<string, number> };
    };
    services.close();
    return info.state.subjects ?? {};
  };

  it('takes a request from a person who gives no name', async () => {
    const anybody = await asAnybody();
    const answer = await anybody.request('entrepot.request.pull', { reference: 'alpine:3' });
    anybody.close();
    expect(answer).toMatchObject({ stream: 'ENTREPOT_REQUESTS' });
    expect((await requests())['entrepot.request.pull']).toBeGreaterThan(0);
  });

  it('lets nobody ask in the name of a principal', async () => {
    const anybody = await asAnybody();
    expect(await anybody.publish('entrepot.request.pull.k3x9')).toMatch(/Permissions Violation for Publish/);
    anybody.close();
    expect(await requests()).not.toHaveProperty(['entrepot.request.pull.k3x9']);
  });

  it.each([
    'entrepot.fact.image.pulled',
    'entrepot.dead.requests',
    '$JS.API.STREAM.PURGE.ENTREPOT_REQUESTS',
    '$JS.API.STREAM.DELETE.ENTREPOT_FACTS',
    '$JS.API.STREAM.MSG.GET.ENTREPOT_REQUESTS',
    '$JS.API.DIRECT.GET.ENTREPOT_REQUESTS',
    '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES',
    '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.entrepot.outcome.k3x9.43',
    '$JS.API.DIRECT.GET.ENTREPOT_REQUESTS.entrepot.request.pull',
    '$JS.API.STREAM.MSG.GET.ENTREPOT_OUTCOMES',
    '$JS.API.STREAM.INFO.ENTREPOT_OUTCOMES',
    '$JS.API.CONSUMER.CREATE.ENTREPOT_OUTCOMES.thief.entrepot.outcome.anonymous.42',
    'entrepot.outcome.anonymous.42',
    '$JS.API.CONSUMER.CREATE.ENTREPOT_REQUESTS',
    '$JS.API.CONSUMER.CREATE.ENTREPOT_FACTS.thief',
    '$SYS.REQ.SERVER.PING',
  ])('refuses anybody to publish %s', async (subject) => {
    const anybody = await asAnybody();
    expect(await anybody.publish(subject)).toMatch(/Permissions Violation for Publish/);
    anybody.close();
  });

  it.each([
    'entrepot.outcome.k3x9.*',
    'entrepot.outcome.*.43',
    'entrepot.outcome.anonymous.*',
    'entrepot.outcome.>',
    '>',
  ])('refuses anybody to ask for the outcomes %s, all at once', async (pattern) => {
    const anybody = await asAnybody();
    const subject = `$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.${pattern}`;
    expect(await anybody.publish(subject)).toMatch(/Permissions Violation|Invalid Publish Subject/);
    anybody.close();
  });

  it.each(['>', 'entrepot.>', 'entrepot.request.>', 'entrepot.outcome.>', 'entrepot.outcome.k3x9.1', '$JS.>'])(
    'refuses anybody to subscribe to %s',
    async (subject) => {
      const anybody = await asAnybody();
      expect(await anybody.subscribe(subject)).toMatch(/Permissions Violation for Subscription/);
      anybody.close();
    },
  );

  it.each([
    ['entrepot.fact.>', 'entrepot.fact.tag.moved'],
    ['entrepot.outcome.anonymous.>', 'entrepot.outcome.anonymous.42'],
    ['entrepot.progress.anonymous.>', 'entrepot.progress.anonymous.42'],
  ])('lets anybody subscribe to %s', async (pattern, subject) => {
    const [anybody, services] = [await asAnybody(), await NatsWire.connect(server.url)];
    expect(await anybody.subscribe(pattern)).toBeUndefined();
    const message = anybody.message();
    await services.publish(subject, '{"number":7}');
    expect(await message).toEqual({ subject, body: '{"number":7}' });
    anybody.close();
    services.close();
  });

  it('lets anybody read the facts of the past', async () => {
    const anybody = await asAnybody();
    expect(await anybody.request('$JS.API.DIRECT.GET.ENTREPOT_FACTS', { seq: 1 })).toEqual({ number: 1 });
    anybody.close();
  });

  const OUTCOMES = '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.entrepot.outcome.anonymous';

  it('lets anybody read the last word on an own operation, by its subject', async () => {
    const anybody = await asAnybody();
    expect(await anybody.ask(`${OUTCOMES}.41`, '')).toBe('{"state":"completed"}');
    expect(await anybody.ask(`${OUTCOMES}.nothing`, '')).toBe('');
    anybody.close();
  });

  it.each([
    ['{"seq":3}', `${OUTCOMES}.41`],
    ['{"last_by_subj":"entrepot.outcome.k3x9.43"}', `${OUTCOMES}.41`],
    ['{"seq":1,"batch":10}', `${OUTCOMES}.41`],
    ['{"multi_last":["entrepot.outcome.>"]}', `${OUTCOMES}.41`],
  ])("nobody else's outcome can be named there: %s to %s", async (question, subject) => {
    const anybody = await asAnybody();
    expect(await anybody.ask(subject, question)).not.toContain('secret');
    anybody.close();
  });

  it.each(['entrepot.request.remove.k3x9', 'entrepot.fact.tag.moved', '$JS.API.STREAM.NAMES'])(
    'answers to anybody never reach the services: reply subject %s',
    async (reply) => {
      const [anybody, services] = [await asAnybody(), await NatsWire.connect(server.url)];
      await services.subscribe(reply);
      const heard = services.message();
      await anybody.publish('entrepot.request.pull', '{}', reply);
      await anybody.publish('$JS.API.DIRECT.GET.ENTREPOT_FACTS', '{"seq":1}', reply);
      await anybody.publish(`${OUTCOMES}.41`, '', reply);
      await services.publish(reply, 'the end');
      expect((await heard).body).toBe('the end');
      anybody.close();
      services.close();
    },
  );

  it('keeps its secret in files that only their owner reads', async () => {
    const password = new URL(server.url).password;
    expect(await readFile(join(folder, 'nats-server.conf'), 'utf8')).toContain(password);
    for (const name of ['nats-server.conf', 'password'])
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    await expect(NatsWire.connect(server.url.replace(password, 'guess'))).rejects.toThrow(/Authorization Violation/);
  });
});

describe('starting a nats-server child', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-nats-'));
  });
  const started: RunningNatsServer[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.kill()));
    await rm(folder, { recursive: true, force: true });
  });
  const start = async (port = 0) => {
    const server = await startNatsServer({ folder, port });
    started.push(server);
    return server;
  };

  it('keeps what was acknowledged over kill -9', async () => {
    const first = await start();
    const before = await NatsWire.connect(first.url);
    await before.request('$JS.API.STREAM.CREATE.S', { name: 'S', subjects: ['s'] });
    await before.request('s', { kept: true });
    await first.kill();
    const second = await start(first.port);
    const after = await NatsWire.connect(second.url);
    const info = await after.request('$JS.API.STREAM.INFO.S', {});
    after.close();
    await second.stop();
    expect(info).toMatchObject({ state: { messages: 1 } });
    expect(second.url).toBe(first.url);
  });

  it('says which port is taken and which setting chooses it', async () => {
    const holder = await TcpServer.start();
    const { port } = holder;
    await expect(start(port)).rejects.toThrow(
      new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is taken.* ENTREPOT_NATS_PORT`),
    );
    await holder.stop();
  });

  it('shows what the server said when it could not start', async () => {
    const binary = join(folder, 'broken');
    await writeFile(binary, '#!/bin/sh\necho "no such thing as a monday" >&2\nexit 1\n', { mode: 0o755 });
    await expect(startNatsServer({ folder, binary })).rejects.toThrow(
      /^nats-server ended while starting \(exit code 1\):\n {2}no such thing as a monday$/,
    );
  });

  it('is not started over a store that it could not write to', async () => {
    await writeFile(join(folder, 'jetstream'), 'a file where the store wants a folder');
    await expect(start()).rejects.toMatchObject({ code: 'ENOTDIR', path: join(folder, 'jetstream') });
  });

  it('a damaged key is named by its file', async () => {
    const other = await mkdtemp(join(tmpdir(), 'entrepot-nats-'));
    await writeFile(join(other, 'issuer'), 'garbage\n');
    await expect(startNatsServer({ folder: other })).rejects.toThrow(
      `${join(other, 'issuer')} is not the key that was`,
    );
    await rm(other, { recursive: true, force: true });
  });
});
