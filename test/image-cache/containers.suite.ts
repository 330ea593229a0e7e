import { randomBytes, randomUUID } from 'node:crypto';
import type { Operation } from '#contracts/operation';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { imageManifest } from '#testing/image-parts';
import { NatsWire } from '#testing/nats-wire';
import { ScriptedUpstream } from '#testing/scripted-upstream';

const CONFIG = {
  architecture: 'amd64',
  os: 'linux',
  config: { Entrypoint: ['/entry'], Cmd: ['serve'], Env: ['A=image', 'B=image'], Labels: { base: 'yes' } },
};

describe('containers', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  let wire: NatsWire;

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([ScriptedUpstream.start(), Entrepot.start(SHORT_TIMES)]);
    wire = await NatsWire.connect(entrepot.natsUrl);
  }, 90_000);
  afterAll(async () => {
    wire?.close();
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  /** An image at the upstream, which nobody has pulled. */
  function offer(name: string): { reference: string; digest: string } {
    const config = Buffer.from(JSON.stringify({ ...CONFIG, author: name }));
    const layer = randomBytes(100_000);
    for (const bytes of [config, layer]) upstream.addBlob(bytes);
    const digest = upstream.addManifest(name, '1', imageManifest(config, layer));
    return { reference: `${upstream.domain}/${name}:1`, digest };
  }
  const ask = (method: string, path: string, body?: object) => entrepot.ask(method, `/api/v1${path}`, body);
  const json = async <T>(method: string, path: string, body?: object) => (await ask(method, path, body)).json as T;
  const asked = async (verb: string, body: object): Promise<Operation> => {
    const id = randomUUID();
    const event = { specversion: '1.0', id, source: '/test', type: `dev.entrepot.request.${verb}.v1`, data: body };
    await wire.publish(`entrepot.request.${verb}`, JSON.stringify(event));
    const find = async () => (await entrepot.operations()).find(({ requestId }) => requestId === id);
    const { id: operation } = await eventually('it is taken in', find);
    return entrepot.ended(operation);
  };
  const names = async () => (await json<{ name: string }[]>('GET', '/containers')).map(({ name }) => name).sort();

  it('one of an image that is not here is made with the end of its pull, and runs what both say', async () => {
    const { reference, digest } = offer('team/web');
    const { status, json: accepted } = await ask('POST', '/containers', {
      image: reference,
      name: 'web',
      cmd: ['mine'],
      env: ['B=mine'],
    });
    expect(status).toBe(202);
    const ended = await entrepot.ended((accepted as Operation).id);
    expect(ended).toMatchObject({ state: 'completed', outcome: { name: 'web', digest, tag: '1' } });
    expect(await json('GET', '/containers/web')).toMatchObject({
      image: { digest, moved: false },
      state: 'created',
      config: { entrypoint: ['/entry'], cmd: ['mine'], env: ['B=mine', 'A=image'], labels: { base: 'yes' } },
    });
    expect(await ask('POST', '/containers', { image: reference, name: 'web2' })).toMatchObject({ status: 201 });
    expect(await ask('POST', '/containers', { image: reference, name: 'web2' })).toMatchObject({
      ...{ status: 409, json: { code: 'CONFLICT' } },
    });
  }, 60_000);

  it('one made by a message keeps its image from being removed, until it goes', async () => {
    const { reference, digest } = offer('team/db');
    expect(await asked('container-create', { image: reference, name: 'db' })).toMatchObject({
      ...{ state: 'completed', outcome: { digest } },
    });
    expect(await asked('remove', { reference })).toMatchObject({
      ...{ state: 'failed', error: { code: 'CONFLICT', message: expect.stringContaining('db') } },
    });
    expect(await asked('container-change', { container: 'db', action: 'start' })).toMatchObject({ state: 'completed' });
    expect(await asked('container-remove', { container: 'db' })).toMatchObject({
      ...{ state: 'failed', error: { code: 'CONFLICT' } },
    });
    expect(await ask('POST', '/containers/db/exit?exitCode=2')).toMatchObject({ status: 200 });
    expect(await ask('PATCH', '/containers/db', { name: 'old-db' })).toMatchObject({ status: 200 });
    expect(await json('GET', '/containers/old-db')).toMatchObject({ state: 'exited', exitCode: 2 });
    expect(await ask('DELETE', '/containers/old-db')).toMatchObject({ status: 200 });
    expect(await asked('remove', { reference })).toMatchObject({ state: 'completed' });
  }, 60_000);

  it('what an engine reports is in use for as long as it says so', async () => {
    const { reference } = offer('team/app');
    await entrepot.completed(await entrepot.pull(reference));
    const report = (containers: object[]) =>
      asked('container-report', { reporter: 'engine', holder: 'h', leaseSeconds: 10, containers });
    const said = { id: 'c1', name: 'app', image: reference, state: 'running' };
    expect(await report([said])).toMatchObject({ state: 'completed', outcome: { created: 1, unknown: [] } });
    expect(await asked('remove', { reference })).toMatchObject({ state: 'failed', error: { code: 'CONFLICT' } });
    expect(await names()).toContain('engine/app');
    await eventually('its lease ends', async () => !(await names()).includes('engine/app'));
    expect(await asked('remove', { reference })).toMatchObject({ state: 'completed' });
  }, 90_000);

  it('a prune takes those without a process; nothing is left that should not be', async () => {
    expect(await json('POST', '/containers/prune', { dryRun: true })).toMatchObject({ count: 2 });
    expect(await json('POST', '/containers/prune', {})).toMatchObject({ count: 2 });
    expect(await names()).toEqual([]);
    expect(await entrepot.fsck()).toEqual([]);
  }, 60_000);
});
