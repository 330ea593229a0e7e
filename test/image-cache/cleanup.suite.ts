import { randomBytes } from 'node:crypto';
import type { Plan, PlanItem } from '#contracts/calls/plans';
import type { Cleanup, GcRun } from '#contracts/calls/runs';
import type { Schedule } from '#contracts/calls/schedules';
import type { Why } from '#contracts/calls/why';
import type { Operation } from '#contracts/operation';
import { eventually } from '#testing/eventually';
import { addScriptedImage } from '#testing/scripted-image';
import type { Stage } from './stage';

/** Prunes and collection, with a collector on each of the replicas. */
export function cleanupSuite(stage: Stage): void {
  const ask = (method: string, path: string, body?: object) => stage.warehouse.ask(method, `/api/v1${path}`, body);
  const json = async <T>(method: string, path: string, body?: object) => (await ask(method, path, body)).json as T;
  const why = (reference: string) => json<Why>('GET', `/why?reference=${encodeURIComponent(reference)}`);

  it('a plan is carried out as it was read: what is used by then is left alone, and said', async () => {
    const repositories = ['one', 'two', 'three'].map((name) => `${stage.upstream.domain}/prune/${name}`);
    for (const name of ['one', 'two', 'three']) {
      const { reference } = addScriptedImage(stage.upstream, `prune/${name}`, randomBytes(5000));
      await stage.warehouse.completed(await stage.warehouse.pull(reference));
    }
    const stored = (name: string) => name.replace(':', '_');
    const filters = { unused: true, repository: `${stored(stage.upstream.domain)}/prune/*` };
    const plan = await json<Plan & { list: PlanItem[] }>('POST', '/prune', { ...filters, dryRun: true });
    const { list } = await json<{ list: PlanItem[] }>('GET', `/plans/${plan.id}`);
    expect(list.map(({ repository }) => repository).sort()).toEqual(repositories.map(stored).sort());
    expect(await ask('POST', '/containers', { image: `${repositories[0]}:1`, name: 'late' })).toMatchObject({
      status: 201,
    });
    const applied = await Promise.all([0, 1].map(() => ask('POST', `/plans/${plan.id}/apply`)));
    expect(applied.map(({ status }) => status).sort()).toEqual([202, 409]);
    const { id } = applied.find(({ status }) => status === 202)!.json as Operation;
    expect(await stage.warehouse.ended(id)).toMatchObject({ state: 'completed', outcome: { removed: 2, left: 1 } });
    const runs = await json<GcRun[]>('GET', '/gc/runs?kind=prune&limit=1000');
    expect(runs.find((run) => run.plan === plan.id)).toMatchObject({ state: 'completed', removed: 2 });
  }, 60_000);

  it('why names what keeps an image, and no more once that is gone', async () => {
    const reference = `${stage.upstream.domain}/prune/one:1`;
    const { digest, roots } = await why(reference);
    expect(roots).toContainEqual(expect.objectContaining({ root: 'container', name: 'late' }));
    expect(roots).toContainEqual(expect.objectContaining({ root: 'tag', name: '1' }));
    expect(await ask('DELETE', '/containers/late')).toMatchObject({ status: 200 });
    expect((await why(reference)).roots.map(({ root }) => root)).not.toContain('container');
    await stage.warehouse.completed(await stage.warehouse.remove(reference));
    expect(await ask('GET', `/why?reference=${encodeURIComponent(reference)}`)).toMatchObject({ status: 404 });
    await eventually('its manifest goes', async () => {
      const { status } = await ask('GET', `/why?reference=${digest}`);
      return status === 404;
    });
  });

  it('is paused on every replica by one word, and goes on by another', async () => {
    const { reference, layer } = addScriptedImage(stage.upstream, 'team/paused', randomBytes(5000));
    const { image } = await stage.warehouse.completed(await stage.warehouse.pull(reference));
    expect(await ask('POST', '/gc/pause')).toMatchObject({ status: 200 });
    for (let asked = 0; asked < 2; asked += 1)
      expect(await json<Cleanup>('GET', '/gc')).toMatchObject({ paused: true });
    const plan = await json<Operation>('POST', '/prune', { unused: true, repository: image!.repository, confirm: 1 });
    const { state } = await stage.warehouse.operation(plan.id);
    expect(['accepted', 'running']).toContain(state);
    expect(await ask('POST', '/gc/resume')).toMatchObject({ status: 200 });
    expect(await stage.warehouse.ended(plan.id)).toMatchObject({ state: 'completed', outcome: { removed: 1 } });
    await eventually('its bytes are forgotten', async () => {
      const { status } = await ask('GET', `/blobs/${layer}`);
      return status === 404;
    });
  }, 60_000);

  it('rests on every replica while a schedule says that it is not its time, and works on without it', async () => {
    const { reference, layer } = addScriptedImage(stage.upstream, 'team/resting', randomBytes(5000));
    await stage.warehouse.completed(await stage.warehouse.pull(reference));
    // Far from opening within these seconds.
    const nextMonth = ((new Date().getUTCMonth() + 1) % 12) + 1;
    const window = { cron: `0 0 28 ${nextMonth} *`, collection: { hours: 1 } };
    expect(await ask('PUT', '/schedules/window', window)).toMatchObject({ status: 201 });
    const { dueAt } = await json<Schedule>('GET', '/schedules/window');
    for (let asked = 0; asked < 2; asked += 1)
      expect(await json<Cleanup>('GET', '/gc')).toMatchObject({ resting: true, opensAt: dueAt });
    await stage.warehouse.completed(await stage.warehouse.remove(reference));
    await eventually('its review waits', async () => (await json<Cleanup>('GET', '/gc')).due > 0);
    expect(await ask('GET', `/blobs/${layer}`)).toMatchObject({ status: 200 });
    expect(await ask('DELETE', '/schedules/window')).toMatchObject({ status: 204 });
    await eventually('its bytes are forgotten', async () => {
      const { status } = await ask('GET', `/blobs/${layer}`);
      return status === 404;
    });
  }, 60_000);

  it('usage adds up, whoever counts', async () => {
    const { bytes, images } = await json<{ bytes: number; images: { count: number } }>('GET', '/usage?fresh');
    expect(bytes).toBeGreaterThan(0);
    expect(images.count).toBe((await stage.warehouse.images()).length);
  });
}
