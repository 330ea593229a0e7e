import { CONTAINER_ACTIONS } from '#contracts/bodies/container';
import { digestOf, sampleContainer } from '../sample-answers.testing';
import { problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const outcome = {
  container: 'c'.repeat(64),
  name: 'web',
  state: 'running',
  repository: 'docker.io/library/nginx',
  digest: digestOf('nginx'),
  tag: '1',
};

describe('entrepot containers', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('ls says which were made by a tag that moved on', async () => {
    warehouse.on('GET /api/v1/containers', { json: [sampleContainer()] });
    const words = '--state running --name we --label team=web --label !keep --image nginx:1 --reporter docker';
    const { out } = await warehouse.run(['containers', 'ls', ...words.split(' ')]);
    expect(out).toMatch(/^c{12} +web +docker.io\/library\/nginx:1 \(moved on\) +running /m);
    expect(warehouse.asked[0]!.query).toEqual({
      state: 'running',
      name: 'we',
      label: 'team=web,!keep',
      image: 'nginx:1',
      reporter: 'docker',
      limit: '1000',
    });
    expect(await warehouse.run(['containers', 'ls', '--state', 'tired'])).toMatchObject({ code: 2, out: '' });
  });

  it.each(CONTAINER_ACTIONS)('%s, of several each', async (action) => {
    warehouse.on(`POST /api/v1/containers/web/${action}`, { json: outcome });
    warehouse.on(`POST /api/v1/containers/other/${action}`, problem(409, 'CONFLICT', 'it is dead'));
    const { code, out, err } = await warehouse.run(['containers', action, 'other', 'web']);
    expect({ code, out, err }).toEqual({ code: 5, out: 'web running\n', err: 'error: it is dead\n' });
  });

  it('exit says with which code; names with a slash are one name', async () => {
    warehouse.on('POST /api/v1/containers/docker%2Fweb/exit', { json: outcome });
    expect(await warehouse.run(['containers', 'exit', 'docker/web', '--exit-code', '137'])).toMatchObject({ code: 0 });
    expect(warehouse.asked[0]!.query).toEqual({ exitCode: '137' });
    expect(await warehouse.run(['containers', 'exit', 'web', '--exit-code', '256'])).toMatchObject({
      code: 2,
      out: '',
    });
    warehouse.on('POST /api/v1/containers/web/kill', { json: outcome });
    expect(await warehouse.run(['containers', 'kill', 'web', '--exit-code', '143'])).toMatchObject({ code: 0 });
    for (const action of ['start', 'restart', 'die'])
      expect(await warehouse.run(['containers', action, 'web', '--exit-code', '1'])).toMatchObject({
        code: 2,
        out: '',
      });
  });

  it('inspect, rename and rm', async () => {
    warehouse.on('GET /api/v1/containers/web', {
      json: { ...sampleContainer(), overrides: {}, config: { env: ['A=b'], tty: false } },
    });
    warehouse.on('PATCH /api/v1/containers/web', { json: { ...outcome, name: 'old' } });
    warehouse.on('DELETE /api/v1/containers/web', { json: outcome });
    const { out } = await warehouse.run(['containers', 'inspect', 'web']);
    expect(out).toContain(`Made by:     the tag 1, which names ${digestOf('nginx 2')} now\n`);
    expect(out).toContain('Runs with:   env: ["A=b"]\n');
    expect((await warehouse.run(['containers', 'rename', 'web', 'old'])).out).toBe('old running\n');
    expect(warehouse.asked[1]!.body).toEqual({ name: 'old' });
    expect((await warehouse.run(['containers', 'rm', 'web', '--force'])).out).toBe('removed web\n');
    expect(warehouse.asked[2]!.query).toEqual({ force: 'true' });
    expect(await warehouse.run(['containers', 'rm', 'nobody'])).toMatchObject({ code: 3, out: '' });
  });
});
