import { problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const schedule = {
  name: 'nightly',
  cron: '0 3 * * *',
  timeZone: 'UTC',
  prune: { unused: true, labels: [] },
  enabled: true,
  source: 'rest',
  dueAt: null,
  firedAt: null,
  firedOperation: null,
  firedError: 'too many',
};

describe('entrepot schedules', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('ls, show and rm', async () => {
    warehouse.on('GET /api/v1/schedules', { json: [schedule] });
    warehouse.on('GET /api/v1/schedules/nightly', { json: schedule });
    warehouse.on('DELETE /api/v1/schedules/nightly', { status: 204 });
    expect((await warehouse.run(['schedules', 'ls'])).out).toMatch(
      /^nightly +0 3 \* \* \* UTC +prune +never +too many +rest$/m,
    );
    expect((await warehouse.run(['schedules', 'show', 'nightly', '-o', 'name'])).out).toBe('nightly\n');
    const { out } = await warehouse.run(['schedules', 'show', 'nightly']);
    for (const line of ['Prunes: +images that no container uses, .*', 'Next: +never', 'Refused: +too many'])
      expect(out).toMatch(new RegExp(`^${line}$`, 'm'));
    expect(await warehouse.run(['schedules', 'rm', 'nightly'])).toEqual({ code: 0, out: '', err: 'nightly is gone\n' });
    expect(await warehouse.run(['schedules', 'rm', 'other'])).toMatchObject({ code: 3, out: '' });
  });

  it('set says what was said; what is wrong with it is the server to say', async () => {
    warehouse.on(
      'PUT /api/v1/schedules/nightly',
      { status: 201, json: schedule },
      problem(400, 'INVALID', 'cron: must be'),
    );
    const words = '--time-zone Europe/Berlin --unused --until 30d --repository team/* --label a --share 80 --disabled';
    await warehouse.run(['schedules', 'set', 'nightly', '0 3 * * *', ...words.split(' ')]);
    expect(warehouse.asked[0]!.body).toEqual({
      cron: '0 3 * * *',
      timeZone: 'Europe/Berlin',
      prune: { unused: true, until: '30d', repository: 'team/*', labels: ['a'], share: 80 },
      enabled: false,
    });
    expect(await warehouse.run(['schedules', 'set', 'nightly', 'at 3'])).toMatchObject({ code: 2, out: '' });
    expect(await warehouse.run(['schedules', 'set', 'nightly'])).toMatchObject({ code: 2, out: '' });
  });

  it('set --collect says when the collector works; what is wrong is refused before anything is asked', async () => {
    const { prune: _, ...window } = { ...schedule, collection: { hours: 8 }, firedError: null };
    warehouse.on('PUT /api/v1/schedules/weekends', { status: 201, json: { ...window, name: 'weekends' } });
    warehouse.on('GET /api/v1/schedules/weekends', { json: { ...window, name: 'weekends' } });
    const set = (...words: string[]) => warehouse.run(['schedules', 'set', 'weekends', '0 22 * * 6', ...words]);
    expect((await set('--collect', '8')).out).toMatch(/^weekends +0 22|^weekends +0 3 \* \* \* UTC +collect /m);
    await set('--collect');
    expect(warehouse.asked.map(({ body }) => body)).toEqual([
      { cron: '0 22 * * 6', collection: { hours: 8 } },
      { cron: '0 22 * * 6', collection: {} },
    ]);
    expect((await warehouse.run(['schedules', 'show', 'weekends'])).out).toContain(
      'Collects:  for 8 h, and rests at other times',
    );
    warehouse.clear();
    for (const words of [
      ['--collect', '0'],
      ['--collect', 'x'],
      ['--collect', '--unused'],
      ['--share', '101'],
    ])
      expect(await set(...words)).toMatchObject({ code: 2, out: '' });
    expect(warehouse.asked).toEqual([]);
  });
});
