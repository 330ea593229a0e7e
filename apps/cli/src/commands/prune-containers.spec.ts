import { completed, OPERATION, sampleOperation } from '../sample-answers.testing';
import { events, ScriptedWarehouse } from '../scripted-warehouse.testing';

describe('entrepot containers prune', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('with --dry-run says what it would take', async () => {
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
