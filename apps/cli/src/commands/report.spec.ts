import { join } from 'node:path';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { answerJson, ScriptedPeer } from '../report/scripted-peer.testing';
import { completed } from '../sample-answers.testing';
import { ScriptedWarehouse } from '../scripted-warehouse.testing';
import { machineName } from './report';

const OUTCOME = { reporter: 'build-1', created: 1, changed: 0, removed: 0, kept: 0, unknown: [], unknownCount: 0 };

describe('report', () => {
  let warehouse: ScriptedWarehouse;
  let engine: ScriptedPeer;
  let folder: string;
  let host: string;

  beforeAll(async () => {
    folder = await tempFolder('report');
    host = `unix://${join(folder, 'socket')}`;
    warehouse = await ScriptedWarehouse.start();
    engine = await ScriptedPeer.start(
      ({ url = '' }, response) => {
        if (url.startsWith('/events')) response.writeHead(200).flushHeaders();
        else if (url.startsWith('/info')) answerJson(response, 200, { ID: 'E1' });
        else if (url.startsWith('/containers')) answerJson(response, 200, []);
        else answerJson(response, 200, { metadata: { uid: 'k1', resourceVersion: '1' }, items: [] });
      },
      { socket: join(folder, 'socket') },
    );
  });
  afterEach(() => warehouse.clear());
  afterAll(async () => {
    await Promise.all([warehouse.stop(), engine.stop()]);
    await removeFolder(folder);
  });

  const takes = () =>
    warehouse.on('POST /api/v1/operations', {
      status: 202,
      json: completed({ ...OUTCOME, leasedUntil: '2026-01-31T12:00:00.000Z' }),
    });

  it('docker --once says what there is, and ends; nothing is on the standard output', async () => {
    takes();
    const ran = await warehouse.run(['report', 'docker', '--once', '--host', host, '--name', 'build-1']);
    expect(ran).toEqual({ code: 0, out: '', err: 'reported 0 containers as build-1: 1 new, 0 changed, 0 gone\n' });
    expect(warehouse.asked).toMatchObject([
      {
        headers: { 'idempotency-key': expect.any(String) },
        body: { kind: 'container-report', reporter: 'build-1', holder: 'docker:E1', leaseSeconds: 180, containers: [] },
      },
    ]);
  });

  it('finds the engine where docker does, and has the name of the machine', async () => {
    takes();
    await warehouse.run(['report', 'docker', '--once', '--heartbeat', '10'], { env: { DOCKER_HOST: host } });
    expect(warehouse.asked[0]!.body).toMatchObject({ reporter: machineName(), leaseSeconds: 30 });
  });

  it('goes on until Ctrl-C, which is a good end', async () => {
    takes();
    const interruption = new AbortController();
    const ran = await warehouse.run(['report', 'docker', '--host', host, '--name', 'build-1', '--withdraw'], {
      interrupted: interruption.signal,
      onSaid: () => interruption.abort(),
    });
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(/withdrew what was reported as build-1\n$/);
    expect(warehouse.asked).toHaveLength(2);
  });

  it.each([
    [409, 'CONFLICT', 5],
    [403, 'DENIED', 4],
    [503, 'UNAVAILABLE', 1],
  ])('--once that is answered %d ends with the exit code of that', async (status, code, exit) => {
    warehouse.on('POST /api/v1/operations', { status, json: { status, code, detail: 'because' } });
    const ran = await warehouse.run(['report', 'docker', '--once', '--host', host]);
    expect(ran).toMatchObject({ code: exit, out: '', err: expect.stringContaining(`answered ${status}: because`) });
  });

  it('kubernetes is inside a pod its own cluster, else that of a kubeconfig', async () => {
    const inside = await warehouse.run(['report', 'kubernetes', '--once'], {
      env: { KUBERNETES_SERVICE_HOST: '127.0.0.1' },
    });
    expect(inside).toMatchObject({ code: 1, err: expect.stringContaining('serviceaccount') });
    const named = await warehouse.run(['report', 'kubernetes', '--once'], { env: { KUBECONFIG: `${folder}/mine` } });
    expect(named).toMatchObject({ code: 1, err: expect.stringContaining(`${folder}/mine cannot be read`) });
    const none = await warehouse.run(['report', 'kubernetes', '--once'], { env: { HOME: folder } });
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining(join(folder, '.kube/config')) });
  });

  it.each([
    [['--name', 'Build 1'], '1 to 60 of a-z'],
    [['--name', 'x'.repeat(61)], '1 to 60 of a-z'],
    [['--heartbeat', '0'], 'from 5 to 3600'],
    [['--lease', '9'], 'from 10 to 604800'],
    [['--lease', '100'], 'two --heartbeat at least'],
  ])('docker %j is typed wrongly', async (words, message) => {
    const ran = await warehouse.run(['report', 'docker', ...words]);
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  });

  it('an engine that cannot be named is said', async () => {
    const ran = await warehouse.run(['report', 'docker', '--host', 'ssh://me@there']);
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('must be unix://') });
  });

  it.each([
    ['Build_1.Example', 'build-1.example'],
    ['-.x', 'x'],
    ['', 'docker'],
  ])('a machine that is called %j reports as %s', (name, wanted) => expect(machineName(name)).toBe(wanted));
});
