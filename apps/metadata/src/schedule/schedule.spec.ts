import { PruneFiltersSchema } from '#contracts/bodies/prune';
import { ScheduleBodySchema } from '#contracts/calls/schedules';
import { ANONYMOUS } from '#contracts/principal';
import { anImage, fetchWhole, type Metadata, openMetadata } from '../metadata.testing';

const NODE = 'docker.io/library/node';

describe('a schedule', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
  });
  beforeEach(() =>
    metadata.database.read('TRUNCATE repository, manifest, object, operation, schedule, plan, gc_run, outbox CASCADE'),
  );
  afterAll(() => metadata?.stop());

  const put = (name: string, body: object = {}) =>
    metadata.schedules.put(ANONYMOUS, name, ScheduleBodySchema.parse({ cron: '0 3 * * *', prune: {}, ...body }));
  const missed = (name: string, time = `interval '5 days'`) =>
    metadata.database.read(`UPDATE schedule SET due_at = now() - ${time} WHERE name = $1`, [name]);
  const operations = () =>
    metadata.database.read<{ id: string; kind: string; state: string }>('SELECT id, kind, state FROM operation');

  it('is done once for a time, however many replicas look', async () => {
    await put('nightly');
    await missed('nightly', `interval '1 second'`);
    const looks = await Promise.all([1, 2, 3, 4].map(() => metadata.schedules.fire()));
    expect(looks.reduce((sum, { fired }) => sum + fired, 0)).toBe(1);
    const [operation, ...others] = await operations();
    expect(others).toEqual([]);
    expect(operation).toMatchObject({ kind: 'prune', state: 'completed' });
    expect(await metadata.schedules.read('nightly')).toMatchObject({ firedOperation: operation!.id, firedError: null });
  });

  it('makes up for missed times once, and goes on with the next one to come', async () => {
    await put('nightly');
    await missed('nightly');
    await metadata.schedules.fire();
    expect(await metadata.schedules.fire()).toMatchObject({ fired: 0, nextInMs: expect.any(Number) });
    expect(await operations()).toHaveLength(1);
    expect(Date.parse((await metadata.schedules.read('nightly'))!.dueAt!)).toBeGreaterThan(Date.now());
  });

  it('whose process died between accepting and moving on asks for the same operation again', async () => {
    await put('nightly');
    await missed('nightly');
    const [before] = await metadata.database.read<{ due_at: string }>('SELECT due_at::text FROM schedule');
    await metadata.schedules.fire();
    await metadata.database.read('UPDATE schedule SET due_at = $1::timestamptz', [before!.due_at]);
    expect(await metadata.schedules.fire()).toMatchObject({ fired: 1 });
    expect(await operations()).toHaveLength(1);
  });

  it('that is refused says so, as an operation that failed, and comes again', async () => {
    await fetchWhole(metadata, NODE, anImage());
    await put('all', { prune: { unused: true } });
    await missed('all');
    expect(await metadata.schedules.fire()).toMatchObject({ fired: 1 });
    expect(await operations()).toMatchObject([{ state: 'failed' }]);
    expect(await metadata.schedules.read('all')).toMatchObject({
      firedOperation: null,
      firedError: expect.stringContaining('all there is'),
    });
  });

  it('that is switched off does nothing, and begins anew when it is switched on', async () => {
    await put('nightly', { enabled: false });
    expect(await metadata.schedules.read('nightly')).toMatchObject({ enabled: false, dueAt: null });
    expect(await metadata.schedules.fire()).toEqual({ fired: 0, nextInMs: null });
    const { schedule, created } = await put('nightly');
    expect({ created, dueAt: schedule.dueAt }).toEqual({ created: false, dueAt: expect.any(String) });
  });

  it('is listed by name, page by page, and taken away', async () => {
    for (const name of ['c', 'a', 'b']) expect((await put(name)).created).toBe(true);
    const first = await metadata.schedules.list({ limit: 2 });
    const second = await metadata.schedules.list({ limit: 2, after: first.next! });
    expect([...first.schedules, ...second.schedules].map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect([await metadata.schedules.delete('a'), await metadata.schedules.delete('a')]).toEqual([true, false]);
    expect(await metadata.schedules.read('a')).toBeNull();
    expect(first.schedules[0]).toMatchObject({ prune: PruneFiltersSchema.parse({}), timeZone: 'UTC', source: 'rest' });
  });

  it('of the configuration is not changed from outside', async () => {
    await put('set');
    await metadata.database.read(`UPDATE schedule SET source = 'configuration'`);
    await expect(put('set')).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(metadata.schedules.delete('set')).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it.each([
    [{ cron: '0 0 31 2 *' }, 'cron'],
    [{ cron: '99 * * * *' }, 'cron'],
    [{ timeZone: 'Europe/Nowhere' }, 'timeZone'],
    [{ prune: { until: '2026-02-30' } }, 'until'],
  ])('%j is refused, naming %s', async (body, field) => {
    await expect(put('bad', body)).rejects.toMatchObject({ code: 'INVALID', detail: { field } });
    expect(await metadata.schedules.read('bad')).toBeNull();
  });
});
