import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScheduleBodySchema } from '#contracts/calls/schedules';
import { ANONYMOUS } from '#contracts/principal';
import { type Metadata, openMetadata } from '../metadata.testing';
import { ConfiguredSchedules } from './configured-schedules';
import { ScheduleStore } from './schedule.store';

const NIGHTLY = 'nightly:\n  cron: 0 3 * * *\n  prune: {unused: true, until: 30d}\n';
const WEEKENDS = 'weekends:\n  cron: 0 22 * * 6\n  timeZone: Europe/Berlin\n  collection: {hours: 8}\n';

describe('the schedules of the configuration', () => {
  let metadata: Metadata;
  let folder: string;
  beforeAll(async () => {
    metadata = await openMetadata();
    folder = await mkdtemp(join(tmpdir(), 'entrepot-schedules-'));
  });
  beforeEach(() => metadata.database.read('TRUNCATE schedule'));
  afterAll(async () => {
    await metadata?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A start with a file of this text; null: with none. */
  const start = async (text: string | null) => {
    const path = join(folder, 'schedules.yaml');
    if (text !== null) await writeFile(path, text);
    const configured = await ConfiguredSchedules.read(text === null ? undefined : path);
    await configured.apply(metadata.database);
    return new ScheduleStore(metadata.database, configured);
  };
  const all = async () => (await metadata.schedules.list({ limit: 100 })).schedules;
  const ofRest = (name: string) =>
    metadata.schedules.put(ANONYMOUS, name, ScheduleBodySchema.parse({ cron: '0 4 * * *', prune: {} }));

  it('come, change and go with the file at each start; those from REST stay as they are', async () => {
    await ofRest('own');
    await start(NIGHTLY + WEEKENDS);
    expect(await all()).toMatchObject([
      { name: 'nightly', source: 'configuration', cron: '0 3 * * *', timeZone: 'UTC', prune: { until: '30d' } },
      { name: 'own', source: 'rest' },
      { name: 'weekends', source: 'configuration', timeZone: 'Europe/Berlin', collection: { hours: 8 } },
    ]);
    await start(NIGHTLY.replace('30d', '7d'));
    expect(await all()).toMatchObject([{ name: 'nightly', prune: { until: '7d' } }, { name: 'own' }]);
    await start(null);
    expect((await all()).map(({ name }) => name)).toEqual(['own']);
  });

  it('keep their next time over a start, so that what was missed is made up for, unless their times are others', async () => {
    await start(NIGHTLY);
    await metadata.database.read(
      `UPDATE schedule SET due_at = '2026-01-01T03:00:00Z', fired_at = '2025-12-31T03:00:00Z'`,
    );
    await start(NIGHTLY.replace('30d', '7d'));
    expect(await all()).toMatchObject([{ dueAt: '2026-01-01T03:00:00.000Z', firedAt: '2025-12-31T03:00:00.000Z' }]);
    await start(NIGHTLY.replace('0 3', '0 4'));
    const [{ dueAt } = { dueAt: null }] = await all();
    expect(Date.parse(dueAt!)).toBeGreaterThan(Date.now());
  });

  it('are set once by replicas that start at once', async () => {
    await Promise.all([1, 2, 3].map(() => start(NIGHTLY + WEEKENDS)));
    expect(await all()).toHaveLength(2);
  });

  it('are changed there alone: REST is told where', async () => {
    const schedules = await start(`\n${NIGHTLY}`);
    const said = { code: 'CONFLICT', message: expect.stringContaining('line 2 of the file of ENTREPOT_SCHEDULES') };
    const body = ScheduleBodySchema.parse({ cron: '0 4 * * *', prune: {} });
    await expect(schedules.put(ANONYMOUS, 'nightly', body)).rejects.toMatchObject(said);
    await expect(schedules.delete('nightly')).rejects.toMatchObject(said);
  });

  it('take no name that was given over REST: the start ends, and changes nothing', async () => {
    await ofRest('nightly');
    await expect(start(WEEKENDS + NIGHTLY)).rejects.toThrow(
      /line 5: nightly: a schedule of this name was made over REST/,
    );
    expect((await all()).map(({ name, source }) => `${name} ${source}`)).toEqual(['nightly rest']);
  });

  it('may be JSON, and a file of none takes all away', async () => {
    await start('{"nightly": {"cron": "@daily", "prune": {}}}');
    expect(await all()).toMatchObject([{ name: 'nightly', cron: '@daily' }]);
    await start('# none\n');
    expect(await all()).toEqual([]);
  });

  it('that cannot be read end the start', async () => {
    await expect(ConfiguredSchedules.read(join(folder, 'none'))).rejects.toThrow(
      /^ENTREPOT_SCHEDULES: cannot read .*none/,
    );
    await expect(start(`#${'x'.repeat(1 << 20)}`)).rejects.toThrow('larger than 1 MiB');
  });
});
