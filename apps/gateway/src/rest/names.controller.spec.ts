import { ListHeldTags, ListRepositories, ListTagMoves } from '#contracts/calls/names';
import { AcceptOperation } from '#contracts/calls/operations';
import type { Operation } from '#contracts/operation';
import { precondition } from '#oci/registry-error';
import { askRaw, type RawAsking } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const id = '7d9f1c52-1111-4c9a-8a0e-5f3b1c2d4e6f';
const [old, digest] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
const moved = { repository: 'team/app', tag: '1', from: old, to: digest };
const done = (outcome: Operation['outcome'], more: Partial<Operation> = {}) => ({
  ...{ id, principal: 'anonymous', requestId: 'r1', kind: 'tag' as const, body: {}, state: 'completed' as const },
  ...{ attempts: 0, acceptedAt: '2026-01-01T00:00:00.000Z', startedAt: null, endedAt: '2026-01-01T00:00:00.000Z' },
  ...{ nextAttemptAt: null, image: null, bytesDone: 0, bytesTotal: 0, layers: [], error: null, outcome, ...more },
});

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls
    .on(AcceptOperation, () => ({ operation: done(moved), created: true }) as never)
    .on(ListHeldTags, () => ({ tags: [], next: 'v+1' }))
    .on(ListTagMoves, () => ({ moves: [], next: '7' }))
    .on(ListRepositories, () => ({ repositories: [], next: null }));
});

const api = async (path: string, asking: RawAsking = {}) => {
  const { status, headers, text } = await askRaw(gateway.port, `/api/v1${path}`, asking);
  return { status, headers, json: text === '' ? undefined : JSON.parse(text) };
};
const send = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  api(path, {
    ...{ method, headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const asked = () => gateway.calls.questions(AcceptOperation);
const put = (
  headers: Record<string, string> = {},
  body: unknown = { source: 'node:22', target: 'localhost:5050/team/app:1' },
) => send('PUT', '/tags', body, headers);

describe('a tag', () => {
  test('is given: answered with what it named and names, its entity tag, and the operation', async () => {
    const { status, headers, json } = await put({ 'Idempotency-Key': 'k-1' });
    expect({ status, json, etag: headers.etag, location: headers.location }).toEqual({
      ...{ status: 200, json: moved, etag: `"${digest}"`, location: `/api/v1/operations/${id}` },
    });
    const body = { source: 'node:22', target: 'localhost:5050/team/app:1' };
    expect(asked()).toEqual([{ principal: 'anonymous', requestId: 'k-1', kind: 'tag', body }]);
  });

  test('that is new is 201', async () => {
    gateway.calls.on(AcceptOperation, () => ({ operation: done({ ...moved, from: null }), created: true }) as never);
    expect((await put()).status).toBe(201);
  });

  test.each([
    [{ 'If-None-Match': '*' }, 'none'],
    [{ 'If-Match': `"${old}"` }, old],
    [{ 'If-Match': '*' }, 'any'],
    [{ 'If-None-Match': `"${old}"` }, { not: [old] }],
  ])('with %j is expected to name %s', async (headers, expected) => {
    await put(headers as Record<string, string>);
    expect(asked()).toMatchObject([{ body: { expected } }]);
  });

  test('that names something else than was expected is 412', async () => {
    gateway.calls.on(AcceptOperation, () => {
      throw precondition('team/app:1 names another', { names: old });
    });
    const { status, json } = await put({ 'If-Match': `"${digest}"` });
    expect({ status, code: json.code }).toEqual({ status: 412, code: 'PRECONDITION' });
  });

  test('is taken away, expected or not', async () => {
    gateway.calls.on(AcceptOperation, () => ({ operation: done({ ...moved, to: null }), created: true }) as never);
    const { status, headers, json } = await api('/tags?reference=localhost:5050/team/app:1', {
      method: 'DELETE',
      headers: { 'If-Match': `"${old}"` },
    });
    expect({ status, to: json.to, etag: headers.etag }).toEqual({ status: 200, to: null, etag: undefined });
    expect(asked()).toMatchObject([{ kind: 'untag', body: { reference: 'localhost:5050/team/app:1', expected: old } }]);
  });

  test('goes back', async () => {
    const { status, json } = await send('POST', '/tags/rollback', {
      reference: 'localhost:5050/team/app:1',
      to: digest,
    });
    expect({ status, json }).toEqual({ status: 200, json: moved });
    expect(asked()).toMatchObject([{ kind: 'rollback', body: { to: digest } }]);
  });

  test('that failed under the same key before fails again, as it did', async () => {
    const error = { code: 'NOT_FOUND', message: 'image node:22 is not here' };
    gateway.calls.on(
      AcceptOperation,
      () => ({ operation: done(null, { state: 'failed', error }), created: false }) as never,
    );
    const { status, json } = await put();
    expect({ status, detail: json.detail }).toEqual({ status: 404, detail: error.message });
  });

  test.each([
    ['PUT', '/tags', { target: 'a' }, {}, 'source'],
    ['PUT', '/tags', { source: 'a' }, {}, 'target'],
    ['PUT', '/tags', { source: 'a', target: 7 }, {}, 'target'],
    ['PUT', '/tags', { source: 'a', target: 'b', expected: 'none' }, {}, 'expected'],
    ['PUT', '/tags', { source: 'a', target: 'b', force: true }, {}, 'force'],
    ['PUT', '/tags', { source: 'a'.repeat(513), target: 'b' }, {}, 'source'],
    ['PUT', '/tags', [], {}, 'body'],
    ['PUT', '/tags?force', { source: 'a', target: 'b' }, {}, 'force'],
    ['PUT', '/tags', { source: 'a', target: 'b' }, { 'If-Match': '*, *' }, 'if-match'],
    ['PUT', '/tags', { source: 'a', target: 'b' }, { 'If-None-Match': '"x"' }, 'if-none-match'],
    ['PUT', '/tags', { source: 'a', target: 'b' }, { 'Idempotency-Key': '' }, 'idempotency-key'],
    ['POST', '/tags/rollback', {}, {}, 'reference'],
    ['POST', '/tags/rollback', { reference: 'a', to: 'sha256:abc' }, {}, 'to'],
    ['POST', '/tags/rollback', { reference: 'a', to: 'latest' }, {}, 'to'],
    ['DELETE', '/tags', undefined, {}, 'reference'],
    ['DELETE', '/tags?reference=', undefined, {}, 'reference'],
    ['DELETE', '/tags?reference=a&reference=b', undefined, {}, 'reference'],
    ['DELETE', '/tags?reference=a', undefined, { 'If-Match': 'W/"x"' }, 'if-match'],
  ] as const)('%s %s with %j and %j is refused, naming %s', async (method, path, body, headers, field) => {
    const { status, json } = await send(method, path, body, headers);
    expect({ status, field: json.field }).toEqual({ status: 400, field });
    expect(asked()).toEqual([]);
  });

  test.each(['PUT', 'POST'])('%s without JSON is 415', async (method) => {
    const path = method === 'PUT' ? '/tags' : '/tags/rollback';
    expect((await api(path, { method, body: 'x', headers: { 'Content-Type': 'text/plain' } })).status).toBe(415);
  });
});

describe('lists', () => {
  test('of tags have a pattern, and link to the next page', async () => {
    const { status, headers } = await api('/tags?repository=docker.io/library/node&name=22-*&limit=5');
    expect(status).toBe(200);
    expect(headers.link).toBe(
      '</api/v1/tags?repository=docker.io%2Flibrary%2Fnode&name=22-*&limit=5&after=v%2B1>; rel="next"',
    );
    expect(gateway.calls.questions(ListHeldTags)).toEqual([
      { repository: 'docker.io/library/node', pattern: '22-*', limit: 5 },
    ]);
  });

  test('of repositories have filters', async () => {
    await api('/repositories?name=team/*&kind=local&private=true&upstream=docker.io');
    expect(gateway.calls.questions(ListRepositories)).toEqual([
      { pattern: 'team/*', kind: 'local', private: true, upstream: 'docker.io', limit: 100 },
    ]);
  });

  test('of moves go on where the page before ended', async () => {
    await api('/tags/history?reference=node:22&after=9');
    expect(gateway.calls.questions(ListTagMoves)).toEqual([{ reference: 'node:22', after: '9', limit: 100 }]);
  });

  test.each([
    ['/tags', 'repository'],
    ['/tags?repository=Node', 'repository'],
    ['/tags?repository=a&name=(a%2B)%2B', 'name'],
    ['/tags?repository=a&name=', 'name'],
    [`/tags?repository=a&name=${'*'.repeat(129)}`, 'name'],
    ['/tags?repository=a&limit=0', 'limit'],
    ['/tags?repository=a&after=%00', 'after'],
    ['/tags/history', 'reference'],
    ['/tags/history?reference=a&limit=1001', 'limit'],
    [`/tags/history?reference=a&after=${'1'.repeat(21)}`, 'after'],
    ['/repositories?kind=remote', 'kind'],
    ['/repositories?private=maybe', 'private'],
    ['/repositories?upstream=', 'upstream'],
    ['/repositories?name=A*', 'name'],
    ['/repositories?sort=size', 'sort'],
  ])('%s is refused, naming %s', async (path, field) => {
    const { status, json } = await api(path);
    expect({ status, field: json.field }).toEqual({ status: 400, field });
    expect(gateway.calls.asked).toEqual([]);
  });
});
