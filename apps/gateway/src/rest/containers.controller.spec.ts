import { randomUUID } from 'node:crypto';
import { ListContainers, ReadContainer } from '#contracts/calls/containers';
import { AcceptOperation } from '#contracts/calls/operations';
import type { Operation } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import { digestOf } from '#oci/digest';
import { conflict, notFound, unavailable } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const id = 'ab'.repeat(32);
const digest = digestOf(Buffer.from('manifest'));
const at = '2026-01-01T00:00:00.000Z';
const container = {
  id,
  name: 'web',
  image: { repository: 'team/app', digest, tag: '1', manifest: digest, tagNames: digest, moved: false, removed: false },
  state: 'created' as const,
  exitCode: null,
  labels: {},
  reporter: null,
  reportedId: null,
  principal: ANONYMOUS,
  createdAt: at,
  startedAt: null,
  finishedAt: null,
  changedAt: at,
};
const outcome = { container: id, name: 'web', state: 'created', repository: 'team/app', digest, tag: '1' };
const operation: Operation = {
  id: '0192f0c1-7c00-7000-8000-0000000000bb',
  principal: ANONYMOUS,
  requestId: 'r',
  kind: 'container-create',
  body: {},
  state: 'completed',
  attempts: 0,
  acceptedAt: at,
  startedAt: null,
  endedAt: at,
  nextAttemptAt: null,
  image: null,
  bytesDone: 0,
  bytesTotal: 0,
  layers: [],
  error: null,
  outcome,
};
const config = Buffer.from(JSON.stringify({ config: { Entrypoint: ['/entry'], Cmd: ['serve'], Env: ['A=1'] } }));

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls.on(ListContainers, () => ({ containers: [container], next: `1.${id}` }));
  gateway.calls.on(AcceptOperation, () => ({ operation, created: true }));
});

const api = async (path: string, method = 'GET', body?: object, headers: Record<string, string> = {}) => {
  const {
    status,
    headers: answered,
    text,
  } = await askRaw(gateway.port, `/api/v1/containers${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
  });
  return { status, headers: answered, json: JSON.parse(text) };
};
const asked = () => gateway.calls.questions(AcceptOperation);

test('containers come in pages that link to the next, by all filters', async () => {
  const { status, headers, json } = await api('?state=created&name=we&label=team=a,!keep&image=node:20&limit=1');
  expect({ status, json }).toEqual({ status: 200, json: [container] });
  expect(headers.link).toContain(`after=1.${id}`);
  expect(gateway.calls.questions(ListContainers)).toEqual([
    { state: 'created', name: 'we', labels: ['team=a', '!keep'], image: 'node:20', limit: 1 },
  ]);
});

test('one that is made at once is answered, and where it is', async () => {
  const { status, headers, json } = await api(
    '',
    'POST',
    { image: 'node:20', cmd: ['sh'] },
    { 'Idempotency-Key': 'k' },
  );
  expect({ status, json, location: headers.location }).toEqual({
    status: 201,
    json: outcome,
    location: `/api/v1/containers/${id}`,
  });
  expect(asked()).toMatchObject([
    { kind: 'container-create', requestId: 'k', body: { image: 'node:20', cmd: ['sh'] } },
  ]);
});

test('one whose image is pulled first is an operation', async () => {
  const waiting = { ...operation, state: 'accepted' as const, outcome: null, endedAt: null };
  gateway.calls.on(AcceptOperation, () => ({ operation: waiting, created: true }));
  const { status, headers, json } = await api('', 'POST', { image: 'node:20' });
  expect({ status, json, location: headers.location }).toEqual({
    status: 202,
    json: waiting,
    location: `/api/v1/operations/${operation.id}`,
  });
});

describe('what one runs', () => {
  const found = (object: string, more: object = {}) =>
    gateway.calls.on(ReadContainer, () => ({
      container: { ...container, ...more },
      overrides: { env: ['B=2'], entrypoint: ['/mine'] },
      config: { digest, object, size: config.byteLength },
    }));

  test('is its image’s config and its overrides put together, and that config is read once', async () => {
    const object = randomUUID();
    gateway.bytes.put(object, config);
    found(object);
    const { status, json } = await api('/web');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      ...container,
      overrides: { env: ['B=2'] },
      config: { entrypoint: ['/mine'], cmd: [], env: ['B=2', 'A=1'], hostname: id.slice(0, 12) },
    });
    await api('/web');
    expect(gateway.bytes.reads.filter((read) => read.object === object)).toHaveLength(1);
    expect(gateway.calls.questions(ReadContainer)).toEqual([{ container: 'web' }, { container: 'web' }]);
  });

  test('is not said where the config is not here, or is none, or the container is reported', async () => {
    gateway.calls.on(ReadContainer, () => ({ container, overrides: {}, config: null }));
    expect(await api('/web')).toMatchObject({ status: 200, json: { config: null } });
    found(randomUUID());
    expect(await api('/web')).toMatchObject({ status: 200, json: { config: null } });
    const broken = randomUUID();
    gateway.bytes.put(broken, Buffer.from('[]'));
    found(broken);
    expect(await api('/web')).toMatchObject({ status: 200, json: { config: null } });
    found(randomUUID(), { reporter: 'engine', reportedId: 'x' });
    expect(await api('/engine%2Fweb')).toMatchObject({ status: 200, json: { config: null, reporter: 'engine' } });
    expect(gateway.calls.questions(ReadContainer).at(-1)).toEqual({ container: 'engine/web' });
  });

  test('waits for a store that is away', async () => {
    const object = randomUUID();
    gateway.bytes.objects.set(object, {
      size: 1,
      verified: true,
      open: () => {
        throw unavailable('storage');
      },
    });
    found(object);
    expect(await api('/web')).toMatchObject({ status: 503 });
  });
});

test.each([
  ['/web', 'PATCH', { name: 'db' }, 'container-rename', { container: 'web', name: 'db' }],
  ['/web?force', 'DELETE', undefined, 'container-remove', { container: 'web', force: true }],
  ['/web/start', 'POST', undefined, 'container-change', { container: 'web', action: 'start' }],
  ['/web/exit?exitCode=3', 'POST', undefined, 'container-change', { container: 'web', action: 'exit', exitCode: 3 }],
  ['/prune', 'POST', { labels: ['a'] }, 'container-prune', { labels: ['a'], dryRun: false }],
])('%s by %s is an operation, done in the answer', async (path, method, body, kind, expected) => {
  const { status, headers, json } = await api(path, method, body);
  expect({ status, json, location: headers.location }).toEqual({
    status: 200,
    json: outcome,
    location: `/api/v1/operations/${operation.id}`,
  });
  expect(asked()).toMatchObject([{ kind, body: expected }]);
});

test('a prune of very many is taken in, and done later; one that failed before says so', async () => {
  const later = { ...operation, state: 'accepted' as const, endedAt: null, outcome: null };
  gateway.calls.on(AcceptOperation, () => ({ operation: later, created: true }));
  expect(await api('/prune', 'POST', {})).toMatchObject({ status: 202, json: { id: operation.id, state: 'accepted' } });
  const error = { code: 'INVALID', message: 'no', detail: { field: 'until' } };
  const failed = { ...operation, state: 'failed' as const, outcome: null, error };
  gateway.calls.on(AcceptOperation, () => ({ operation: failed, created: false }));
  expect(await api('/prune', 'POST', {})).toMatchObject({ status: 400 });
});

test.each([
  ['what is not there', notFound('x'), 404],
  ['what cannot be', conflict('x'), 409],
])('%s is told', async (_what, error, status) => {
  gateway.calls.on(AcceptOperation, () => {
    throw error;
  });
  for (const [path, method] of [
    ['/web/pause', 'POST'],
    ['/web', 'DELETE'],
  ] as const) {
    expect(await api(path, method)).toMatchObject({ status });
  }
});

test.each([
  ['?state=stopped', 'GET', undefined, 'state'],
  ['?label==x', 'GET', undefined, 'label.0'],
  ['?name=', 'GET', undefined, 'name'],
  ['?image=a%00', 'GET', undefined, 'image'],
  ['?reporter=A', 'GET', undefined, 'reporter'],
  ['?limit=0', 'GET', undefined, 'limit'],
  ['?all', 'GET', undefined, 'all'],
  ['', 'POST', {}, 'image'],
  ['', 'POST', { image: 'node', entrypoint: 'sh' }, 'entrypoint'],
  ['', 'POST', { image: 'node', Cmd: ['sh'] }, 'Cmd'],
  ['/web%00', 'GET', undefined, 'id'],
  ['/web/stop', 'POST', undefined, 'action'],
  ['/web/exit?exitCode=256', 'POST', undefined, 'exitCode'],
  ['/web', 'PATCH', { name: '-' }, 'name'],
  ['/prune', 'POST', { until: 'yesterday' }, 'until'],
  ['/web?now', 'DELETE', undefined, 'now'],
])('%s by %s with %j is refused, naming %s', async (path, method, body, field) => {
  expect(await api(path, method, body)).toMatchObject({ status: 400, json: { field } });
  expect(asked()).toEqual([]);
});
