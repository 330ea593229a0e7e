import * as fc from 'fast-check';
import { AcceptOperation, CancelOperation, ListOperations, ReadOperation } from '#contracts/calls/operations';
import { OPERATION_KINDS, type Operation } from '#contracts/operation';
import { conflict, unavailable } from '#oci/registry-error';
import { askRaw, type RawAsking } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const id = '7d9f1c52-1111-4c9a-8a0e-5f3b1c2d4e6f';
const accepted: Operation = {
  id,
  principal: 'anonymous' as Operation['principal'],
  requestId: 'r1',
  kind: 'pull',
  body: { reference: 'alpine:3', platforms: 'host' },
  state: 'accepted',
  attempts: 0,
  acceptedAt: '2026-01-01T00:00:00.000Z',
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

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls
    .on(AcceptOperation, () => ({ operation: accepted, created: true }))
    .on(ReadOperation, (asked) => ({ operation: asked.id === id ? accepted : null }))
    .on(CancelOperation, (asked) => ({
      operation: asked.id === id ? { ...accepted, state: 'cancelled' as const } : null,
    }))
    .on(ListOperations, () => ({ operations: [accepted], next: null }));
});

const api = async (path: string, asking: RawAsking = {}) => {
  const { status, headers, text } = await askRaw(gateway.port, `/api/v1${path}`, asking);
  return { status, headers, json: text === '' ? undefined : JSON.parse(text) };
};
const post = (body: unknown, headers: Record<string, string> = {}) =>
  api('/operations', {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
  });
const asked = () => gateway.calls.questions(AcceptOperation);

describe('having something done', () => {
  test('is answered 202, with the operation and where it is', async () => {
    const { status, headers, json } = await post({ kind: 'pull', reference: 'alpine:3' });
    expect({ status, location: headers.location, json }).toEqual({
      status: 202,
      location: `/api/v1/operations/${id}`,
      json: accepted,
    });
    expect(asked()).toEqual([
      {
        principal: 'anonymous',
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        kind: 'pull',
        body: { reference: 'alpine:3', platforms: 'host' },
      },
    ]);
  });

  test("the Idempotency-Key is the request's id", async () => {
    await post({ kind: 'remove', reference: 'alpine:3', force: true }, { 'Idempotency-Key': 'k-1' });
    expect(asked()).toMatchObject([{ requestId: 'k-1', kind: 'remove', body: { force: true, now: false } }]);
  });

  test('two requests without a key are two', async () => {
    await post({ kind: 'pull', reference: 'a' });
    await post({ kind: 'pull', reference: 'a' });
    expect(new Set(asked().map(({ requestId }) => requestId)).size).toBe(2);
  });

  test('the same key with another body is 409', async () => {
    gateway.calls.on(AcceptOperation, () => {
      throw conflict('the request r1 was taken in with another body');
    });
    const { status, json } = await post({ kind: 'pull', reference: 'a' }, { 'Idempotency-Key': 'r1' });
    expect({ status, json }).toMatchObject({ status: 409, json: { code: 'CONFLICT', title: 'Conflict', status: 409 } });
  });

  test('metadata that is away is 503 with a time to come back', async () => {
    gateway.calls.on(AcceptOperation, () => {
      throw unavailable('the database', 3);
    });
    const { status, headers } = await post({ kind: 'pull', reference: 'a' });
    expect({ status, after: headers['retry-after'] }).toEqual({ status: 503, after: '3' });
  });

  test.each([
    [{ reference: 'a' }, 'kind', 'one of pull, remove'],
    [{ kind: 'explode', reference: 'a' }, 'kind', 'one of pull, remove'],
    [{ kind: 'pull' }, 'reference', 'must be there'],
    [{ kind: 'pull', reference: 7 }, 'reference', 'must be text'],
    [{ kind: 'pull', reference: '' }, 'reference', 'must not be empty'],
    [{ kind: 'pull', reference: 'a'.repeat(513) }, 'reference', 'must have at most 512 characters'],
    [{ kind: 'pull', reference: 'a', force: true }, 'force', 'no such field'],
    [{ kind: 'pull', reference: 'a', isAdmin: true }, 'isAdmin', 'no such field'],
    [
      { kind: 'pull', reference: 'a', platforms: 'some' },
      'platforms',
      'must be host, or must be all, or must be a list',
    ],
    [{ kind: 'pull', reference: 'a', platforms: [] }, 'platforms', 'must not be empty'],
    [{ kind: 'pull', reference: 'a', platforms: ['linux/amd64', 3] }, 'platforms.1', 'must be text'],
    [{ kind: 'remove', reference: 'a', force: 'yes' }, 'force', 'must be true or false'],
    [[], 'body', 'must be a JSON object'],
    ['pull', 'body', 'must be a JSON object'],
    [null, 'body', 'must be a JSON object'],
  ])('%j is refused, naming %s and that it must be %s', async (body, field, rule) => {
    const { status, headers, json } = await post(body);
    expect({ status, type: headers['content-type'] }).toEqual({ status: 400, type: 'application/problem+json' });
    expect(json).toMatchObject({ code: 'INVALID', field, rule: expect.stringContaining(rule) });
    expect(asked()).toEqual([]);
  });

  test("a key that the object's prototype has is not known either", async () => {
    const { status } = await api('/operations', {
      method: 'POST',
      body: '{"kind":"pull","reference":"a","__proto__":{"x":1}}',
      headers: { 'Content-Type': 'application/json' },
    });
    expect(status).toBe(400);
  });

  test.each(['', 'x'.repeat(257), 'a b'])('the key %j is refused by name', async (key) => {
    const { status, json } = await post({ kind: 'pull', reference: 'a' }, { 'Idempotency-Key': key });
    expect({ status, field: json.field }).toEqual({ status: 400, field: 'idempotency-key' });
  });

  test.each([
    { 'Content-Type': 'application/json; charset=utf-16' },
    { 'Content-Type': 'application/json; charset=iso-8859-1' },
    { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
  ])('a body that is said to be something else is 415: %j', async (headers) => {
    const body = JSON.stringify({ kind: 'pull', reference: 'alpine:3' });
    expect((await askRaw(gateway.port, '/api/v1/operations', { method: 'POST', headers, body })).status).toBe(415);
  });

  test('charset=UTF-8 is what JSON is', async () => {
    const headers = { 'Content-Type': 'application/json; charset="UTF-8"' };
    const body = JSON.stringify({ kind: 'pull', reference: 'alpine:3' });
    expect((await askRaw(gateway.port, '/api/v1/operations', { method: 'POST', headers, body })).status).toBe(202);
  });

  test('no body at all is 415', async () => {
    expect((await api('/operations', { method: 'POST' })).status).toBe(415);
  });
});

describe('one operation', () => {
  test('is read', async () => {
    expect(await api(`/operations/${id}`)).toMatchObject({ status: 200, json: accepted });
  });

  test('is called off', async () => {
    const { status, json } = await api(`/operations/${id}`, { method: 'DELETE' });
    expect({ status, state: json.state }).toEqual({ status: 202, state: 'cancelled' });
  });

  test('that has ended is not called off: 409', async () => {
    gateway.calls.on(CancelOperation, () => {
      throw conflict('it has ended');
    });
    expect((await api(`/operations/${id}`, { method: 'DELETE' })).status).toBe(409);
  });

  test.each(['GET', 'DELETE'])('%s of one that is not there is 404', async (method) => {
    const { status, json } = await api('/operations/00000000-1111-4c9a-8a0e-5f3b1c2d4e6f', { method });
    expect({ status, code: json.code }).toEqual({ status: 404, code: 'NOT_FOUND' });
  });

  test.each(['x', '%00', '1', "'%20OR%201=1--", 'a'.repeat(5000)])(
    'an id %s that is none is refused by name',
    async (bad) => {
      const { status, json } = await api(`/operations/${bad}`);
      expect({ status, field: json.field }).toEqual({ status: 400, field: 'id' });
      expect(gateway.calls.asked).toEqual([]);
    },
  );
});

describe('the list', () => {
  test('has a hundred unless told otherwise, and links to the next', async () => {
    gateway.calls.on(ListOperations, () => ({ operations: [accepted], next: 'c/1+' }));
    const { status, headers, json } = await api('/operations?kind=pull&state=running');
    expect({ status, json }).toEqual({ status: 200, json: [accepted] });
    expect(headers.link).toBe('</api/v1/operations?kind=pull&state=running&after=c%2F1%2B>; rel="next"');
    expect(gateway.calls.questions(ListOperations)).toEqual([
      { principal: 'anonymous', kind: 'pull', state: 'running', limit: 100 },
    ]);
    await api('/operations?after=c%2F1%2B&limit=7');
    expect(gateway.calls.questions(ListOperations)[1]).toMatchObject({ after: 'c/1+', limit: 7 });
  });

  test.each([
    ['limit=0', 'limit', 'must be a whole number, from 1 to 1000, and is "0"'],
    ['limit=1001', 'limit', 'must be a whole number, from 1 to 1000, and is "1001"'],
    ['limit=abc', 'limit', 'must be a whole number, from 1 to 1000, and is "abc"'],
    ['limit=1e2', 'limit', 'must be a whole number, from 1 to 1000, and is "1e2"'],
    ['limit=', 'limit', 'must be a whole number, from 1 to 1000, and is ""'],
    ['limit=1&limit=2', 'limit', 'must be given once'],
    ['kind=push', 'kind', `must be one of ${OPERATION_KINDS.join(', ')}`],
    ['state=done', 'state', 'must be one of accepted, running, completed, failed, cancelled'],
    [`after=${'x'.repeat(101)}`, 'after', 'must have at most 100 characters'],
    ['live=maybe', 'live', 'must be true or false'],
    ['live&state=running', 'state', 'cannot be with live: operations change theirs'],
    ['order=id', 'order', 'there is no such field here'],
    ['=id', 'query', 'there is no such field here'],
    ['__proto__=x', '__proto__', 'there is no such field here'],
  ])('?%s is refused, naming %s and the rule in plain words', async (query, field, rule) => {
    const { status, json } = await api(`/operations?${query}`);
    expect({ status, field: json.field, rule: json.rule }).toEqual({ status: 400, field, rule });
    expect(json.detail).toBe(`${field} is invalid: ${rule}`);
  });

  test('an id that is none is said to be none', async () => {
    const { status, json } = await api('/operations/7');
    expect({ status, field: json.field, rule: json.rule }).toEqual({
      status: 400,
      field: 'id',
      rule: 'must be a UUID',
    });
  });
});

test('no body and no query is answered by a fault of ours', async () => {
  const known = fc.constantFrom(
    'kind',
    'reference',
    'platforms',
    'force',
    'now',
    'limit',
    'after',
    'state',
    '__proto__',
  );
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('pull', 'remove', 'a', true, null));
  const body = fc.oneof(fc.jsonValue(), fc.dictionary(fc.oneof(known, fc.string()), value));
  const query = fc.array(fc.tuple(fc.oneof(known, fc.string()), fc.string({ unit: 'binary' })), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(body, query, async (asking, parameters) => {
      const search = parameters
        .map((pair) => pair.map((text) => encodeURIComponent(Buffer.from(text).toString())).join('='))
        .join('&');
      expect((await post(asking)).status).toBeLessThan(500);
      for (const [method, path] of [
        ['GET', 'operations'],
        ['GET', `operations/${id}`],
        ['DELETE', 'images'],
      ] as const) {
        const { status } = await askRaw(gateway.port, `/api/v1/${path}?${search}`, { method });
        expect(status).toBeLessThan(500);
      }
    }),
    { numRuns: 60 },
  );
});
