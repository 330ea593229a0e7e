import { randomBytes, randomUUID } from 'node:crypto';
import type { Operation } from '#contracts/operation';
import { eventually } from '#testing/eventually';
import { imageManifest } from '#testing/image-parts';
import type { Stage } from './stage';

const CONFIG = {
  architecture: 'amd64',
  os: 'linux',
  config: { Entrypoint: ['/entry'], Cmd: ['serve'], Env: ['A=image', 'B=image'], Labels: { base: 'yes' } },
};

interface Named {
  readonly name: string;
}

function containerStage(stage: Stage) {
  /** An image at the upstream, which nobody has pulled. */
  function offer(name: string): { reference: string; digest: string } {
    const config = Buffer.from(JSON.stringify({ ...CONFIG, author: name }));
    const layer = randomBytes(100_000);
    for (const bytes of [config, layer]) stage.upstream.addBlob(bytes);
    const digest = stage.upstream.addManifest(name, '1', imageManifest(config, layer));
    return { reference: `${stage.upstream.domain}/${name}:1`, digest };
  }
  const ask = (method: string, path: string, body?: object) => stage.warehouse.ask(method, `/api/v1${path}`, body);
  const json = async <T>(method: string, path: string, body?: object) => (await ask(method, path, body)).json as T;
  const asked = async (verb: string, body: object): Promise<Operation> => {
    const id = randomUUID();
    const event = { specversion: '1.0', id, source: '/test', type: `dev.entrepot.request.${verb}.v1`, data: body };
    await stage.wire.publish(`entrepot.request.${verb}`, JSON.stringify(event));
    const list = () => stage.warehouse.ask('GET', `/api/v1/operations?kind=${verb}`);
    const find = async () => ((await list()).json as Operation[]).find(({ requestId }) => requestId === id);
    const { id: operation } = await eventually('it is taken in', find);
    return stage.warehouse.ended(operation);
  };
  return { offer, ask, json, asked };
}

/** What an engine says once is in use for a lease: whether that has ended is looked at some time later. */
export function reportSuite(stage: Stage) {
  const { offer, ask, json, asked } = containerStage(stage);
  const names = async () => (await json<Named[]>('GET', '/containers?reporter=engine')).map(({ name }) => name);
  let reference: string;

  const begins = () => {
    it('is in use', async () => {
      ({ reference } = offer('team/reported'));
      await stage.warehouse.completed(await stage.warehouse.pull(reference));
      const containers = [{ id: 'c1', name: 'app', image: reference, state: 'running' }];
      const report = { reporter: 'engine', holder: 'h', leaseSeconds: 10, containers };
      expect(await asked('container-report', report)).toMatchObject({
        ...{ state: 'completed', outcome: { created: 1, unknown: [] } },
      });
      expect(await asked('remove', { reference })).toMatchObject({ state: 'failed', error: { code: 'CONFLICT' } });
      expect(await names()).toEqual(['engine/app']);
      const other = { reporter: 'engine', holder: 'other', containers: [] };
      const about = { reporter: 'engine', reason: 'another-holder', leasedUntil: expect.any(String) };
      expect(await asked('container-report', other)).toMatchObject({ state: 'failed', error: { detail: about } });
      expect(await ask('POST', '/operations', { kind: 'container-report', ...other })).toMatchObject({
        ...{ status: 409, json: { about } },
      });
    }, 60_000);
  };

  const hasEnded = () => {
    it('is in use no more when its lease has ended', async () => {
      await eventually('its lease ends', async () => (await names()).length === 0);
      expect(await asked('remove', { reference })).toMatchObject({ state: 'completed' });
    }, 60_000);
  };
  return { begins, hasEnded };
}

/** Containers are records: made, moved and removed by REST and by messages, reported by others. */
export function containersSuite(stage: Stage): void {
  const { offer, ask, json, asked } = containerStage(stage);
  /** Of those that are made here. */
  const names = async () =>
    (await json<Named[]>('GET', '/containers'))
      .map(({ name }) => name)
      .filter(isOurs)
      .sort();
  const isOurs = (name: string) => !name.includes('/');

  it('one of an image that is not here is made with the end of its pull, and runs what both say', async () => {
    const { reference, digest } = offer('team/web');
    const { status, json: accepted } = await ask('POST', '/containers', {
      image: reference,
      name: 'web',
      cmd: ['mine'],
      env: ['B=mine'],
    });
    expect(status).toBe(202);
    const ended = await stage.warehouse.ended((accepted as Operation).id);
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
    // As one types it for docker pull from here: it is the upstream's, and comes from there.
    const [upstream, name] = [stage.upstream.domain.replace(':', '_'), 'team/db:1'];
    const image = `${stage.warehouse.host}/${upstream}/${name}`;
    expect(await asked('container-create', { image, name: 'db' })).toMatchObject({
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

  it('a prune takes those without a process', async () => {
    expect(await json('POST', '/containers/prune', { dryRun: true })).toMatchObject({ count: 2 });
    expect(await json('POST', '/containers/prune', {})).toMatchObject({ count: 2 });
    expect(await names()).toEqual([]);
  }, 60_000);
}
