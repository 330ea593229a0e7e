import { completed, digestOf, OPERATION, sampleOperation } from '../sample-answers.testing';
import { events, problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const PLAN = '5f0c7a3e-6a1e-4a53-9c3c-0f6f1d2f3a44';
const AT = '2026-01-31T12:00:00.000Z';
const plan = {
  id: PLAN,
  operation: OPERATION,
  appliedBy: null,
  filters: { unused: true, labels: [] },
  madeAt: AT,
  until: AT,
  seen: 5,
  kept: { container: 3 },
  items: 2,
};
const item = (repository: string) => ({
  repository,
  digest: digestOf(repository),
  tags: ['1'],
  size: 1_000_000,
  usedAt: AT,
  reason: 'unused',
  state: 'planned',
  leftBecause: null,
});
const run = {
  id: OPERATION,
  kind: 'collection',
  state: 'completed',
  plan: null,
  startedAt: AT,
  endedAt: '2026-01-31T12:00:05.000Z',
  seen: 9,
  kept: { tag: 7 },
  removed: 1,
  removedBytes: 0,
  condemned: 1,
  condemnedBytes: 2000,
  purged: 1,
  purgedBytes: 2000,
  errors: 0,
  lastError: null,
};
const cleanup = { paused: false, pausedAt: null, pausedBy: null, due: 3, run: null };

describe('entrepot prune and gc', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  beforeEach(() => {
    const outcome = { plan: PLAN, seen: 5, kept: { container: 3 }, removed: 1, removedBytes: 2000, left: 1 };
    warehouse.on('POST /api/v1/prune', { json: plan });
    warehouse.on(
      `GET /api/v1/plans/${PLAN}`,
      {
        json: { ...plan, list: [item('docker.io/library/a')] },
        headers: { Link: `</api/v1/plans/${PLAN}?limit=1000&after=x>; rel="next"` },
      },
      { json: { ...plan, list: [item('team/b')] } },
    );
    warehouse.on(`POST /api/v1/plans/${PLAN}/apply`, { status: 202, json: sampleOperation({ kind: 'prune' }) });
    warehouse.on(
      `GET /api/v1/operations/${OPERATION}/events`,
      events(['operation', '1', completed(outcome, { kind: 'prune' })]),
    );
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('a dry run shows every item with why, and how to carry it out; nothing else is asked', async () => {
    const words = '--unused --until 30d --repository docker.io/* --label a --label b=c --dry-run';
    const { code, out } = await warehouse.run(['prune', ...words.split(' ')]);
    expect(code).toBe(0);
    expect(out).toMatch(/^docker.io\/library\/a +1 +[0-9a-f]{12} +1.00 MB .* unused$/m);
    expect(out).toMatch(/^team\/b /m);
    expect(out).toContain('Would go:  2 of 5\nKept:      3 by container\n');
    expect(out).toContain(`entrepot prune --plan ${PLAN}`);
    expect(warehouse.asked[0]!.body).toEqual({
      unused: true,
      until: '30d',
      repository: 'docker.io/*',
      labels: ['a', 'b=c'],
      dryRun: true,
    });
    expect(warehouse.asked.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET']);
  });

  it('is carried out as it was planned, once somebody said yes', async () => {
    expect(await warehouse.run(['prune'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--yes') });
    expect(await warehouse.run(['prune'], { answer: 'n' })).toMatchObject({ code: 1, out: '' });
    expect(warehouse.asked.map(({ path }) => path)).toEqual(['/api/v1/prune', '/api/v1/prune']);
    const { code, out } = await warehouse.run(['prune'], { answer: 'yes' });
    expect({ code, out }).toEqual({
      code: 0,
      out: 'Removed:     1, 2.00 kB\nLeft alone:  1, which were otherwise by then\nKept:        3 by container\nLooked at:   5\n',
    });
    expect(await warehouse.run(['prune', '--yes', '--no-wait', '-o', 'name'])).toMatchObject({
      code: 0,
      out: `${OPERATION}\n`,
    });
  });

  it('of nothing carries nothing out', async () => {
    warehouse.on('POST /api/v1/prune', { json: { ...plan, items: 0 } });
    expect(await warehouse.run(['prune'])).toMatchObject({ code: 0, out: '', err: expect.stringContaining('nothing') });
    expect(warehouse.asked).toHaveLength(1);
  });

  it('--plan carries out that one, beside no filter', async () => {
    expect(await warehouse.run(['prune', '--plan', PLAN])).toMatchObject({ code: 0 });
    expect(warehouse.asked[0]!.path).toBe(`/api/v1/plans/${PLAN}/apply`);
    expect(await warehouse.run(['prune', '--plan', PLAN, '--unused'])).toMatchObject({ code: 2, out: '' });
    expect(await warehouse.run(['prune', '--plan', PLAN, '--dry-run'])).toMatchObject({ code: 2, out: '' });
    warehouse.on(`POST /api/v1/plans/${PLAN}/apply`, problem(409, 'CONFLICT', 'it was applied'));
    expect(await warehouse.run(['prune', '--plan', PLAN])).toMatchObject({ code: 5, out: '' });
  });

  it('gc runs, show, status, pause and resume', async () => {
    warehouse.on('GET /api/v1/gc/runs', { json: [run] });
    warehouse.on(`GET /api/v1/gc/runs/${OPERATION}`, { json: run });
    warehouse.on('GET /api/v1/gc', { json: cleanup });
    warehouse.on('POST /api/v1/gc/pause', { json: { ...cleanup, paused: true, pausedAt: AT, pausedBy: 'ann' } });
    warehouse.on('POST /api/v1/gc/resume', { json: cleanup });
    expect((await warehouse.run(['gc', 'runs', '--kind', 'collection'])).out).toMatch(/ 5 s +9 +1 +2.00 kB +0$/m);
    expect(warehouse.asked[0]!.query).toEqual({ kind: 'collection', limit: '20' });
    expect((await warehouse.run(['gc', 'show', OPERATION])).out).toContain('Kept:       7 by tag\n');
    expect((await warehouse.run(['gc', 'status'])).out).toBe('Cleanup:  works\nDue:      3 reviews\n');
    expect((await warehouse.run(['gc', 'pause'])).out).toMatch(/^Cleanup: {2}paused .* ago by ann\n/);
    expect((await warehouse.run(['gc', 'resume', '-o', 'name'])).out).toBe('working\n');
    expect(await warehouse.run(['gc', 'show', 'nothing'])).toMatchObject({ code: 3, out: '' });
    expect(await warehouse.run(['gc', 'dance'])).toMatchObject({ code: 2, out: '' });
  });
});
