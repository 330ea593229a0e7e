import { PruneFiltersSchema } from '#contracts/bodies/prune';
import { DeleteSchedule, ListSchedules, PutSchedule, ReadSchedule } from '#contracts/calls/schedules';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const schedule = {
  name: 'nightly',
  source: 'rest' as const,
  cron: '0 3 * * *',
  timeZone: 'UTC',
  prune: PruneFiltersSchema.parse({}),
  enabled: true,
  dueAt: '2026-01-01T03:00:00.000Z',
  firedAt: null,
  firedOperation: null,
  firedError: null,
};

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls
    .on(ListSchedules, () => ({ schedules: [schedule], next: 'nightly' }))
    .on(ReadSchedule, () => ({ schedule }))
    .on(PutSchedule, () => ({ schedule, created: true }))
    .on(DeleteSchedule, () => ({ deleted: true }));
});

const api = async (path: string, method = 'GET', body?: unknown) => {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const { status, headers, text } = await askRaw(gateway.port, `/api/v1/schedules${path}`, { method, ...sent });
  return { status, headers, json: text === '' ? null : JSON.parse(text) };
};

test('a schedule is made, changed, read, listed and taken away', async () => {
  const body = { cron: '0 3 * * *', prune: { until: '30d' } };
  expect(await api('/nightly', 'PUT', body)).toMatchObject({ status: 201, json: schedule });
  gateway.calls.on(PutSchedule, () => ({ schedule, created: false }));
  expect(await api('/nightly', 'PUT', body)).toMatchObject({ status: 200 });
  expect(gateway.calls.questions(PutSchedule)[0]).toMatchObject({ name: 'nightly', body: { timeZone: 'UTC' } });
  expect(await api('/nightly')).toMatchObject({ status: 200, json: schedule });
  expect((await api('?limit=1')).headers.link).toBe('</api/v1/schedules?limit=1&after=nightly>; rel="next"');
  expect(await api('/nightly', 'DELETE')).toMatchObject({ status: 204, json: null });
});

test('what is not there is 404', async () => {
  gateway.calls.on(ReadSchedule, () => ({ schedule: null })).on(DeleteSchedule, () => ({ deleted: false }));
  expect(await api('/none')).toMatchObject({ status: 404 });
  expect(await api('/none', 'DELETE')).toMatchObject({ status: 404 });
});

test.each([
  ['/nightly', 'PUT', { prune: {} }, 'cron'],
  ['/nightly', 'PUT', { cron: 'often', prune: {} }, 'cron'],
  ['/nightly', 'PUT', { cron: '* * * * * *', prune: {} }, 'cron'],
  ['/nightly', 'PUT', { cron: '0 3 * * *' }, 'prune'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', prune: { all: true } }, 'prune.all'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', prune: {}, every: 1 }, 'every'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', prune: { share: 101 } }, 'prune.share'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', prune: { confirm: 1 } }, 'prune.confirm'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', prune: { repository: '(a+)+$' } }, 'prune.repository'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', prune: { until: 'soon' } }, 'prune.until'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', prune: {}, collection: {} }, 'collection'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', collection: { hours: 0 } }, 'collection.hours'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', collection: { hours: 169 } }, 'collection.hours'],
  ['/nightly', 'PUT', { cron: '0 3 * * *', prune: {}, timeZone: 'x'.repeat(65) }, 'timeZone'],
  ['/Nightly', 'PUT', { cron: '0 3 * * *', prune: {} }, 'name'],
  ['?after=A', 'GET', undefined, 'after'],
])('%s, %s of %j is refused, naming %s', async (path, method, body, field) => {
  expect(await api(path, method, body)).toMatchObject({ status: 400, json: { field } });
});
