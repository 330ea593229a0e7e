import { CONTAINER_ACTIONS } from '#contracts/bodies/container';
import { completed, digestOf, OPERATION, sampleContainer, sampleOperation } from '../sample-answers.testing';
import { events, problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

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

  it('create says what was said, and nothing else', async () => {
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

  it('create waits while its image is pulled, or does not', async () => {
    warehouse.on('POST /api/v1/containers', { status: 202, json: sampleOperation({ kind: 'container-create' }) });
    warehouse.on(`GET /api/v1/operations/${OPERATION}/events`, events(['operation', '1', completed(outcome)]));
    expect((await warehouse.run(['containers', 'create', 'nginx:1', '-o', 'name'])).out).toBe(`${outcome.container}\n`);
    expect((await warehouse.run(['containers', 'create', 'nginx:1', '--no-wait', '-o', 'name'])).out).toBe(
      `${OPERATION}\n`,
    );
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

  it('prune, and what it would take', async () => {
    const pruned = { containers: [{ container: 'c1', name: 'web' }], count: 3, dryRun: true };
    warehouse.on('POST /api/v1/containers/prune', { json: pruned });
    const { out } = await warehouse.run([
      'containers',
      'prune',
      '--dry-run',
      '--until',
      '2026-01-31',
      '--label',
      '!keep',
    ]);
    expect(out).toBe('would remove web\nwould remove 2 more\n3 in all\n');
    expect(warehouse.asked[0]!.body).toEqual({ until: '2026-01-31', labels: ['!keep'], dryRun: true });
  });

  describe('a prune that is meant', () => {
    const would = { containers: [{ container: 'c1', name: 'web' }], count: 2, dryRun: true };
    const pruned = { ...would, dryRun: false };
    const path = 'POST /api/v1/containers/prune' as const;
    const bodies = () => warehouse.asked.map(({ body }) => body);

    it('says how many go, and asks', async () => {
      warehouse.on(path, { json: would }, { json: pruned });
      const { out, code } = await warehouse.run(['containers', 'prune', '--until', '7d'], { answer: 'y' });
      expect({ out, code }).toEqual({ out: 'removed web\nremoved 1 more\n2 in all\n', code: 0 });
      expect(bodies()).toEqual([{ until: '7d', dryRun: true }, { until: '7d' }]);
    });

    it.each([
      ['n', 1, 'nothing was pruned'],
      [null, 2, '2 containers go, and there is nobody to ask: add --yes'],
    ])('answered by %j does nothing', async (answer, code, said) => {
      warehouse.on(path, { json: would });
      const ran = await warehouse.run(['containers', 'prune'], { answer });
      expect(ran).toMatchObject({ code, out: '', err: expect.stringContaining(said) });
      expect(bodies()).toEqual([{ dryRun: true }]);
    });

    it('is not asked about with --yes, nor where none would go', async () => {
      warehouse.on(path, { json: pruned });
      expect(await warehouse.run(['containers', 'prune', '--yes'])).toMatchObject({ code: 0 });
      warehouse.on(path, { json: { ...would, containers: [], count: 0 } });
      expect(await warehouse.run(['containers', 'prune'])).toMatchObject({ code: 0 });
      expect(bodies()).toEqual([{}, { dryRun: true }, {}]);
    });

    it('of very many is waited for', async () => {
      const accepted = sampleOperation({ kind: 'container-prune', state: 'accepted', endedAt: null });
      warehouse.on(path, { status: 202, json: accepted });
      warehouse.on(
        `GET /api/v1/operations/${OPERATION}/events`,
        events(['operation', '1', completed(pruned, { kind: 'container-prune' })]),
      );
      const { out } = await warehouse.run(['containers', 'prune', '--yes']);
      expect(out).toBe('removed web\nremoved 1 more\n2 in all\n');
    });
  });
});
