import { randomUUID } from 'node:crypto';
import { PruneBodySchema, PruneFiltersSchema } from '#contracts/bodies/prune';
import { AcceptOperation } from '#contracts/calls/operations';
import { ReadPlan } from '#contracts/calls/plans';
import { ListRuns, PauseCleanup, ReadCleanup, ReadRun } from '#contracts/calls/runs';
import { digestOf } from '#oci/digest';
import { conflict } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const id = randomUUID();
const TIME = '2026-01-01T00:00:00.000Z';
const digest = digestOf(Buffer.from('manifest'));
const filters = PruneFiltersSchema.parse({});
const plan = {
  id,
  operation: id,
  appliedBy: null,
  filters,
  madeAt: TIME,
  until: TIME,
  seen: 2,
  kept: { tag: 1 },
  items: 1,
};
const item = {
  repository: 'docker.io/library/node',
  digest,
  tags: [],
  size: 1,
  usedAt: TIME,
  reason: 'dangling' as const,
  state: 'planned' as const,
  leftBecause: null,
};
const run = {
  id,
  kind: 'collection' as const,
  state: 'running' as const,
  plan: null,
  startedAt: TIME,
  endedAt: null,
  seen: 1,
  kept: {},
  removed: 1,
  condemned: 0,
  removedBytes: 0,
  condemnedBytes: 0,
  purged: 0,
  purgedBytes: 0,
  errors: 0,
  lastError: null,
};
const cleanup = { paused: true, pausedAt: TIME, pausedBy: 'anonymous', due: 0, run: null };
const operation = {
  id,
  principal: 'anonymous',
  requestId: 'r',
  kind: 'prune' as const,
  body: {},
  state: 'accepted' as const,
  attempts: 0,
  acceptedAt: TIME,
  startedAt: null,
  endedAt: null,
  nextAttemptAt: null,
  image: null,
  bytesDone: 0,
  bytesTotal: 0,
  layers: [],
  error: null,
  outcome: null,
};
const dry = {
  ...operation,
  state: 'completed' as const,
  outcome: { plan: id, seen: 2, kept: {}, removed: 0, removedBytes: 0, left: 0 },
};

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls
    .on(AcceptOperation, ({ body }) => ({ operation: body.dryRun ? dry : operation, created: true }))
    .on(ReadPlan, () => ({ found: { plan, items: [item], next: `${item.repository}@${digest}` } }))
    .on(ListRuns, () => ({ runs: [run], next: id }))
    .on(ReadRun, () => ({ run }))
    .on(ReadCleanup, () => cleanup)
    .on(PauseCleanup, () => cleanup);
});

const api = async (path: string, method = 'GET', body?: unknown, headers: Record<string, string> = {}) => {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await askRaw(gateway.port, `/api/v1/${path}`, { method, headers: { ...type, ...headers }, ...sent });
  return { status: answer.status, headers: answer.headers, json: JSON.parse(answer.text) };
};

test('a prune is an operation, asked once under its key', async () => {
  const { status, headers } = await api('prune', 'POST', { until: '30d' }, { 'idempotency-key': 'night' });
  expect({ status, location: headers.location }).toEqual({ status: 202, location: `/api/v1/operations/${id}` });
  const { plan: _, confirm: __, ...body } = PruneBodySchema.parse({ until: '30d' });
  expect(gateway.calls.questions(AcceptOperation)).toMatchObject([{ kind: 'prune', requestId: 'night', body }]);
});

test('a dry run answers the plan, and where its items are', async () => {
  const { status, headers, json } = await api('prune', 'POST', { dryRun: true });
  expect({ status, json, location: headers.location }).toEqual({
    status: 200,
    json: plan,
    location: `/api/v1/plans/${id}`,
  });
});

test('one that is to be confirmed is told the count', async () => {
  gateway.calls.on(AcceptOperation, () => {
    throw conflict('2 images would go, and that is all there is', { items: 2, of: 2 });
  });
  expect(await api('prune', 'POST', {})).toMatchObject({ status: 409, json: { code: 'CONFLICT' } });
});

test('a plan is read page by page', async () => {
  const { status, headers, json } = await api(`plans/${id}?limit=1`);
  expect({ status, json }).toEqual({ status: 200, json: { ...plan, list: [item] } });
  expect(headers.link).toContain('rel="next"');
  gateway.calls.on(ReadPlan, () => ({ found: null }));
  expect(await api(`plans/${id}`)).toMatchObject({ status: 404 });
});

test('a plan is applied by an operation', async () => {
  expect(await api(`plans/${id}/apply`, 'POST')).toMatchObject({ status: 202 });
  expect(gateway.calls.questions(AcceptOperation)).toMatchObject([{ kind: 'prune', body: { plan: id } }]);
});

test('runs are listed and read', async () => {
  const { json, headers } = await api('gc/runs?kind=collection&limit=1');
  expect(json).toEqual([run]);
  expect(headers.link).toBe(`</api/v1/gc/runs?kind=collection&limit=1&after=${id}>; rel="next"`);
  expect(gateway.calls.questions(ListRuns)).toEqual([{ kind: 'collection', limit: 1 }]);
  expect(await api(`gc/runs/${id}`)).toMatchObject({ status: 200, json: run });
  gateway.calls.on(ReadRun, () => ({ run: null }));
  expect(await api(`gc/runs/${id}`)).toMatchObject({ status: 404 });
});

test('cleanup is paused and resumed', async () => {
  expect(await api('gc')).toMatchObject({ status: 200, json: cleanup });
  expect(await api('gc/pause', 'POST')).toMatchObject({ status: 200, json: cleanup });
  expect(await api('gc/resume', 'POST')).toMatchObject({ status: 200 });
  expect(gateway.calls.questions(PauseCleanup)).toEqual([
    { principal: 'anonymous', paused: true },
    { principal: 'anonymous', paused: false },
  ]);
});

test.each([
  ['prune', 'POST', { until: 'soon' }, 'until'],
  ['prune', 'POST', { repository: '(a+)+' }, 'repository'],
  ['prune', 'POST', { plan: id }, 'plan'],
  ['prune', 'POST', { everything: true }, 'everything'],
  ['prune?force', 'POST', {}, 'force'],
  ['plans/yesterday', 'GET', undefined, 'id'],
  ['plans/yesterday/apply', 'POST', undefined, 'id'],
  [`plans/${id}?limit=0`, 'GET', undefined, 'limit'],
  ['gc/runs?kind=all', 'GET', undefined, 'kind'],
  ['gc/runs?after=x', 'GET', undefined, 'after'],
  ['gc/runs/x', 'GET', undefined, 'id'],
  ['gc/pause?for=1h', 'POST', undefined, 'for'],
])('%s, %s of %j is refused, naming %s', async (path, method, body, field) => {
  expect(await api(path, method, body)).toMatchObject({ status: 400, json: { field } });
});
