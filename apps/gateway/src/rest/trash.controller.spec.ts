import { AcceptOperation } from '#contracts/calls/operations';
import { ListTrash } from '#contracts/calls/trash';
import { ANONYMOUS } from '#contracts/principal';
import { digestOf } from '#oci/digest';
import { conflict, notFound, RegistryError } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const id = '0192f0c1-7c00-7000-8000-0000000000aa';
const digest = digestOf(Buffer.from('manifest'));
const entry = {
  id,
  repository: 'team/app',
  digest,
  tags: ['1'],
  tagCount: 1,
  whole: true,
  removedAt: '2026-01-01T00:00:00.000Z',
  removedBy: ANONYMOUS,
  operation: null,
  until: '2026-01-02T00:00:00.000Z',
};
const outcome = { id, repository: 'team/app', digest, tags: ['1'], tagCount: 1 };
const operation = {
  id: '0192f0c1-7c00-7000-8000-0000000000bb',
  principal: ANONYMOUS,
  requestId: 'r',
  kind: 'restore' as const,
  body: { id },
  state: 'completed' as const,
  attempts: 0,
  acceptedAt: '2026-01-01T00:00:00.000Z',
  startedAt: null,
  endedAt: '2026-01-01T00:00:00.000Z',
  nextAttemptAt: null,
  image: null,
  bytesDone: 0,
  bytesTotal: 0,
  layers: [],
  error: null,
  outcome,
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls.on(ListTrash, () => ({ entries: [entry], next: id }));
  gateway.calls.on(AcceptOperation, () => ({ operation, created: true }));
});

const api = async (path: string, method = 'GET', headers: Record<string, string> = {}) => {
  const answer = await askRaw(gateway.port, `/api/v1/trash${path}`, { method, headers });
  return { ...answer, json: JSON.parse(answer.text) };
};

test('what can be had back comes in pages that link to the next', async () => {
  const { status, headers, json } = await api('?repository=team/app&limit=1');
  expect({ status, json }).toEqual({ status: 200, json: [entry] });
  expect(headers.link).toBe(`</api/v1/trash?repository=team%2Fapp&limit=1&after=${id}>; rel="next"`);
  expect(gateway.calls.questions(ListTrash)).toEqual([{ repository: 'team/app', limit: 1 }]);
});

test.each([
  ['?limit=0', 'limit'],
  ['?after=yesterday', 'after'],
  ['?repository=A', 'repository'],
  ['?sort=size', 'sort'],
])('%s is refused, naming %s', async (query, field) => {
  const { status, json } = await api(query);
  expect({ status, field: json.field }).toEqual({ status: 400, field });
});

test('having it back answers what came back, and where the operation is', async () => {
  const { status, headers, json } = await api(`/${id}/restore`, 'POST', { 'Idempotency-Key': 'k' });
  expect({ status, json }).toEqual({ status: 200, json: outcome });
  expect(headers.location).toBe(`/api/v1/operations/${operation.id}`);
  expect(gateway.calls.questions(AcceptOperation)).toMatchObject([{ kind: 'restore', requestId: 'k', body: { id } }]);
});

test.each([
  ['what is unknown', notFound('x'), 404],
  ['what is in the way', conflict('x'), 409],
  ['what is over', new RegistryError('GONE', 'x'), 410],
])('%s is told', async (_what, error, status) => {
  gateway.calls.on(AcceptOperation, () => {
    throw error;
  });
  expect(await api(`/${id}/restore`, 'POST')).toMatchObject({ status });
});

test('an id that is none is refused', async () => {
  expect(await api('/yesterday/restore', 'POST')).toMatchObject({ status: 400, json: { field: 'id' } });
  expect(await api(`/${id}/restore?now`, 'POST')).toMatchObject({ status: 400, json: { field: 'now' } });
  expect(gateway.calls.asked).toEqual([]);
});
