import { PruneFiltersSchema } from '#contracts/bodies/prune';
import { RemoveBodySchema } from '#contracts/bodies/remove';
import { ScheduleBodySchema } from '#contracts/calls/schedules';
import { ANONYMOUS } from '#contracts/principal';
import { anImage, fetchWhole, type Metadata, openMetadata, untag } from '../metadata.testing';

const NODE = 'docker.io/library/node';

describe('a schedule', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
  });
  beforeEach(() =>
    metadata.database.read(
      `TRUNCATE repository, manifest, object, operation, schedule, plan, gc_run, outbox CASCADE;
        UPDATE installation SET seen_at = now(), quiet_until = NULL, gc_awake_until = NULL, gc_paused_at = NULL`,
    ),
  );
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => metadata?.stop());

  const put = (name: string, body: object = {}) =>
    metadata.schedules.put(
      ANONYMOUS,
      name,
      ScheduleBodySchema.parse({ cron: '0 3 * * *', ...('collection' in body ? {} : { prune: {} }), ...body }),
    );
  const missed = (name: string, time = `interval '5 days'`) =>
    metadata.database.read(`UPDATE schedule SET due_at = now() - ${time} WHERE name = $1`, [name]);
  const operations = () =>
    metadata.database.read<{ id: string; kind: string; state: string }>('SELECT id, kind, state FROM operation');

  it('is done once for a time, however many replicas look', async () => {
    await put('nightly');
    await missed('nightly', `interval '1 second'`);
    const looks = await Promise.all([1, 2, 3, 4].map(() => metadata.firing.fire()));
    expect(looks.reduce((sum, { fired }) => sum + fired, 0)).toBe(1);
    const [operation, ...others] = await operations();
    expect(others).toEqual([]);
    expect(operation).toMatchObject({ kind: 'prune', state: 'completed' });
    expect(await metadata.schedules.read('nightly')).toMatchObject({ firedOperation: operation!.id, firedError: null });
  });

  it.each(['1999-12-31T00:00:00Z', '2099-12-31T00:00:00Z'])(
    "goes by Postgres' clock, also where this process takes it for %s",
    async (wrong) => {
      const doNotFake = ['setTimeout', 'setInterval', 'setImmediate', 'nextTick', 'queueMicrotask'] as const;
      const { now } = Date;
      jest.useFakeTimers({ now: new Date(wrong), doNotFake: [...doNotFake, 'performance', 'hrtime'] });
      try {
        await put('nightly');
        expect(await metadata.firing.fire()).toMatchObject({ fired: 0 });
        await missed('nightly', `interval '1 second'`);
        expect(await metadata.firing.fire()).toMatchObject({ fired: 1 });
      } finally {
        jest.useRealTimers();
      }
      const { dueAt } = (await metadata.schedules.read('nightly'))!;
      expect(Date.parse(dueAt!) - now()).toBeGreaterThan(0);
      expect(Date.parse(dueAt!) - now()).toBeLessThanOrEqual(24 * 3_600_000);
    },
  );

  it('makes up for missed times once, and goes on with the next one to come', async () => {
    await put('nightly');
    await missed('nightly');
    await metadata.firing.fire();
    expect(await metadata.firing.fire()).toMatchObject({ fired: 0, nextInMs: expect.any(Number) });
    expect(await operations()).toHaveLength(1);
    expect(Date.parse((await metadata.schedules.read('nightly'))!.dueAt!)).toBeGreaterThan(Date.now());
  });

  it('whose process died between accepting and moving on asks for the same operation again', async () => {
    await put('nightly');
    await missed('nightly');
    const [before] = await metadata.database.read<{ due_at: string }>('SELECT due_at::text FROM schedule');
    await metadata.firing.fire();
    await metadata.database.read('UPDATE schedule SET due_at = $1::timestamptz', [before!.due_at]);
    expect(await metadata.firing.fire()).toMatchObject({ fired: 1 });
    expect(await operations()).toHaveLength(1);
  });

  it('that was missed is not made up for while it is quiet after an absence', async () => {
    await put('nightly');
    await missed('nightly', `interval '1 hour'`);
    await metadata.database.read(`UPDATE installation SET seen_at = now() - interval '1 hour'`);
    const { fired, nextInMs } = await metadata.firing.fire();
    expect(fired).toBe(0);
    expect(nextInMs).toBeGreaterThan(60_000);
    expect(await operations()).toEqual([]);
    await metadata.database.read('UPDATE installation SET quiet_until = now()');
    expect(await metadata.firing.fire()).toMatchObject({ fired: 1 });
  });

  it('that cannot be accepted now holds up no other, and is not asked again at once', async () => {
    await put('bad');
    await put('good');
    await missed('bad', `interval '2 minutes'`);
    await missed('good', `interval '1 minute'`);
    const accept = metadata.operations.accept.bind(metadata.operations);
    jest
      .spyOn(metadata.operations, 'accept')
      .mockRejectedValueOnce(new Error('canceling statement due to statement timeout'))
      .mockImplementation(accept);
    const { fired, nextInMs } = await metadata.firing.fire();
    expect(fired).toBe(1);
    expect(nextInMs).toBeGreaterThan(0);
    expect(await metadata.schedules.read('good')).toMatchObject({
      firedError: null,
      firedOperation: expect.any(String),
    });
    expect(await metadata.schedules.read('bad')).toMatchObject({ firedAt: null });
    expect(await metadata.firing.fire()).toMatchObject({ fired: 1 });
  });

  describe('that would take more than may go unasked', () => {
    const REASON =
      '1 image would go, and that is all there is: say that it is meant with "confirm": 1, or where nobody can ' +
      '(a schedule) with "share": 100, or carry out the plan of a dry run';

    it('says so, and what to do: as an operation and a run that failed, in a fact, and comes again', async () => {
      await fetchWhole(metadata, NODE, anImage());
      await put('all', { prune: { unused: true } });
      await missed('all');
      expect(await metadata.firing.fire()).toMatchObject({ fired: 1 });
      const [operation, ...others] = await operations();
      expect(others).toEqual([]);
      expect(operation).toMatchObject({ state: 'failed' });
      const { dueAt, ...schedule } = (await metadata.schedules.read('all'))!;
      expect(schedule).toMatchObject({ firedOperation: operation!.id, firedError: REASON });
      expect(Date.parse(dueAt!)).toBeGreaterThan(Date.now());
      const { runs } = await metadata.runs.list({ limit: 10 });
      expect(runs).toMatchObject([{ id: operation!.id, kind: 'prune', state: 'failed', errors: 1, lastError: REASON }]);
      const facts = await metadata.database.read<{ data: object }>(
        `SELECT message -> 'data' AS data FROM outbox WHERE subject = 'entrepot.fact.gc.ended'`,
      );
      expect(facts).toMatchObject([{ data: { run: operation!.id, state: 'failed', lastError: REASON } }]);
    });

    it('whose process died before it moved on is refused once', async () => {
      await fetchWhole(metadata, NODE, anImage());
      await put('all', { prune: { unused: true } });
      await missed('all');
      const [before] = await metadata.database.read<{ due_at: string }>('SELECT due_at::text FROM schedule');
      await metadata.firing.fire();
      await metadata.database.read('TRUNCATE gc_run');
      await metadata.database.read('UPDATE schedule SET due_at = $1::timestamptz, fired_error = NULL', [
        before!.due_at,
      ]);
      await metadata.firing.fire();
      expect(await operations()).toHaveLength(1);
      expect(await metadata.schedules.read('all')).toMatchObject({ firedError: REASON });
      expect((await metadata.runs.list({ limit: 10 })).runs).toMatchObject([{ lastError: REASON }]);
    });

    it('is done where it was said to be meant', async () => {
      await fetchWhole(metadata, NODE, anImage());
      await put('all', { prune: { unused: true, share: 100 } });
      await missed('all');
      await metadata.firing.fire();
      expect(await operations()).toMatchObject([{ state: 'accepted' }]);
      expect(await metadata.schedules.read('all')).toMatchObject({ firedError: null, prune: { share: 100 } });
    });
  });

  describe('for collecting', () => {
    const HOUR = 3_600_000;
    const resting = async () => (await metadata.runs.readCleanup()).resting;
    const windowBegan = (hoursAgo: number) =>
      metadata.database.read(`UPDATE schedule SET fired_at = now() - $1 * interval '1 hour'`, [hoursAgo]);

    it('has the collector rest but in its windows; switched off or taken away, it works on', async () => {
      await fetchWhole(metadata, NODE, anImage(), { tag: '1' });
      await untag(metadata, NODE, '1');
      await metadata.database.read('UPDATE review SET due_at = now()');
      await put('nights', { collection: { hours: 3 } });
      const { resting: rests, opensAt } = await metadata.runs.readCleanup();
      expect({ rests, opensAt }).toEqual({ rests: true, opensAt: (await metadata.schedules.read('nights'))!.dueAt });
      expect(await metadata.reviews.reviewDue(100)).toMatchObject({ reviewed: 0 });
      expect(await metadata.purges.claim(100)).toMatchObject({ objects: [] });
      for (const [hoursAgo, is] of [
        [2.9, false],
        [3.1, true],
      ] as const) {
        await windowBegan(hoursAgo);
        expect(await resting()).toBe(is);
      }
      await put('nights', { collection: {}, enabled: false });
      expect(await resting()).toBe(false);
      await put('nights', { collection: {} });
      await metadata.database.read('UPDATE schedule SET fired_at = NULL');
      expect(await resting()).toBe(true);
      await metadata.schedules.delete('nights');
      expect(await resting()).toBe(false);
      expect((await metadata.reviews.reviewDue(100)).reviewed).toBeGreaterThan(0);
    });

    it('holds up nothing that was removed for good', async () => {
      const image = anImage();
      await fetchWhole(metadata, 'team/app', image, { tag: '1' });
      await metadata.database.read('UPDATE repository SET upstream = NULL; DELETE FROM pin');
      await put('yearly', { cron: '0 3 1 1 *', collection: { hours: 1 } });
      const body = RemoveBodySchema.parse({ reference: 'localhost:5050/team/app:1', now: true });
      await metadata.operations.accept({ principal: ANONYMOUS, requestId: 'secret', kind: 'remove', body });
      expect(await resting()).toBe(false);
      const { goesAt } = await metadata.why.explain(image.digest);
      expect(Date.parse(goesAt!)).toBeLessThan(Date.now() + HOUR);
      expect((await metadata.reviews.reviewDue(100)).removed).toBe(1);
    });

    it('is what `why` goes by, and a pause too', async () => {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: '1' });
      await untag(metadata, NODE, '1');
      await put('yearly', { cron: '0 3 1 1 *', collection: { hours: 1 } });
      const { dueAt } = (await metadata.schedules.read('yearly'))!;
      const goes = async () => (await metadata.why.explain(image.digest)).goesAt;
      expect(Date.parse((await goes())!)).toBeGreaterThanOrEqual(Date.parse(dueAt!));
      await metadata.runs.pause(ANONYMOUS);
      expect(await goes()).toBeNull();
      await metadata.runs.resume(ANONYMOUS);
      await metadata.schedules.delete('yearly');
      expect(Date.parse((await goes())!)).toBeLessThan(Date.now() + 31 * 24 * HOUR);
    });

    it('opens its window when its time comes, as of that time, and asks for no operation', async () => {
      await put('nights', { cron: '0 * * * *', collection: { hours: 1 } });
      await missed('nights', `interval '30 hours'`);
      expect(await metadata.firing.fire()).toMatchObject({ fired: 1 });
      const { firedAt, firedOperation, firedError, dueAt } = (await metadata.schedules.read('nights'))!;
      expect({ firedOperation, firedError }).toEqual({ firedOperation: null, firedError: null });
      expect(Date.parse(dueAt!) - Date.parse(firedAt!)).toBe(HOUR);
      expect(await resting()).toBe(false);
      expect(await operations()).toEqual([]);
    });

    it('whose window has passed while the program was away is not made up for', async () => {
      await put('nights', { cron: '0 3 1 1 *', collection: { hours: 2 } });
      await missed('nights', `interval '3 hours'`);
      await metadata.firing.fire();
      expect(await resting()).toBe(true);
    });

    it('ends the run under way when the window ends, and goes on with another one', async () => {
      for (const tag of ['1', '2']) await fetchWhole(metadata, NODE, anImage(), { tag });
      for (const tag of ['1', '2']) await untag(metadata, NODE, tag);
      await metadata.database.read('UPDATE review SET due_at = now()');
      await metadata.reviews.reviewDue(1);
      expect(await metadata.runs.endCollection()).toMatchObject({ ended: false });
      await put('nights', { collection: {} });
      expect(await metadata.runs.endCollection()).toEqual({ ended: true, settled: true });
      await windowBegan(1);
      await metadata.reviews.reviewDue(1);
      expect((await metadata.runs.list({ limit: 10 })).runs).toMatchObject([
        { state: 'running' },
        { state: 'completed' },
      ]);
    });

    it('does not hold up prunes', async () => {
      await put('nights', { collection: {} });
      await fetchWhole(metadata, NODE, anImage());
      await fetchWhole(metadata, NODE, anImage(), { tag: 'kept' });
      await put('pruning');
      await missed('pruning');
      await metadata.firing.fire();
      const [claim] = (await metadata.work.claim('spec', ['prune'], 1)).operations;
      expect(await metadata.prunes.prune({ id: claim!.id, epoch: claim!.epoch, limit: 9 })).toMatchObject({
        removed: 1,
      });
    });
  });

  it('that is switched off does nothing, and begins anew when it is switched on', async () => {
    await put('nightly', { enabled: false });
    expect(await metadata.schedules.read('nightly')).toMatchObject({ enabled: false, dueAt: null });
    expect(await metadata.firing.fire()).toEqual({ fired: 0, nextInMs: null });
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
    [{ prune: { until: '2026-02-30' } }, 'prune.until'],
    [{ collection: {}, cron: '0 0 30 2 *' }, 'cron'],
  ])('%j is refused, naming %s', async (body, field) => {
    await expect(put('bad', body)).rejects.toMatchObject({ code: 'INVALID', detail: { field } });
    expect(await metadata.schedules.read('bad')).toBeNull();
  });
});
