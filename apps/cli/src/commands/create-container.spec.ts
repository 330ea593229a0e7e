import { completed, digestOf, OPERATION, sampleOperation } from '../sample-answers.testing';
import { events, ScriptedWarehouse } from '../scripted-warehouse.testing';

const outcome = {
  container: 'c'.repeat(64),
  name: 'web',
  state: 'running',
  repository: 'docker.io/library/nginx',
  digest: digestOf('nginx'),
  tag: '1',
};

describe('entrepot containers create', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('says what was said, and nothing else', async () => {
    warehouse.on('POST /api/v1/containers', { status: 201, json: outcome });
    await warehouse.run(['containers', 'create', 'nginx:1']);
    expect(warehouse.asked[0]!.body).toEqual({ image: 'nginx:1' });
    const words =
      '--name web --platform linux/arm64 --entrypoint /run -e A=b -e C -l team=web -l bare --expose 80 -v /data -u me -w /app --hostname h --stop-signal TERM --stop-timeout 3 -t -i -- serve --port 80';
    const { code, out } = await warehouse.run(['containers', 'create', 'nginx:1', ...words.split(' '), '-x']);
    expect({ code, out }).toEqual({ code: 0, out: `created web of docker.io/library/nginx@${digestOf('nginx')}\n` });
    expect(warehouse.asked[1]!.body).toEqual({
      image: 'nginx:1',
      cmd: ['serve', '--port', '80', '-x'],
      name: 'web',
      platform: 'linux/arm64',
      entrypoint: ['/run'],
      env: ['A=b', 'C'],
      labels: { team: 'web', bare: '' },
      exposedPorts: ['80'],
      volumes: ['/data'],
      user: 'me',
      workingDir: '/app',
      hostname: 'h',
      stopSignal: 'TERM',
      stopTimeout: 3,
      tty: true,
      openStdin: true,
    });
    expect(await warehouse.run(['containers', 'create', 'nginx', '-l', '=x'])).toMatchObject({ code: 2, out: '' });
  });

  it('waits while its image is pulled, or does not', async () => {
    warehouse.on('POST /api/v1/containers', { status: 202, json: sampleOperation({ kind: 'container-create' }) });
    warehouse.on(`GET /api/v1/operations/${OPERATION}/events`, events(['operation', '1', completed(outcome)]));
    expect((await warehouse.run(['containers', 'create', 'nginx:1', '-o', 'name'])).out).toBe(`${outcome.container}\n`);
    expect((await warehouse.run(['containers', 'create', 'nginx:1', '--no-wait', '-o', 'name'])).out).toBe(
      `${OPERATION}\n`,
    );
  });
});
