import { DropDeadLetter, ListDeadLetters, ReadDeadLetter, ReplayDeadLetter } from '#contracts/calls/dead-letters';
import { conflict, notFound, unavailable } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const letter = {
  ...{ sequence: 7, subject: 'entrepot.request.pull', stream: 'ENTREPOT_REQUESTS', reason: 'no JSON', deliveries: 1 },
  ...{ diedAt: '2026-01-01T00:00:00.000Z', messageId: 'm-1', size: 4, cut: false },
};

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls
    .on(ListDeadLetters, () => ({ letters: [letter], next: 7 }))
    .on(ReadDeadLetter, () => ({ ...letter, headers: { 'Nats-Msg-Id': ['m-1'] }, bytes: Buffer.from('{"a":') }))
    .on(ReplayDeadLetter, () => ({}))
    .on(DropDeadLetter, () => ({}));
});

const api = async (path: string, method = 'GET') => {
  const { status, headers, text } = await askRaw(gateway.port, `/api/v1/dead-letters${path}`, { method });
  return { status, headers, json: text === '' ? undefined : JSON.parse(text) };
};

test('they come in pages that link to the next', async () => {
  const { status, headers, json } = await api('?limit=1');
  expect({ status, json, link: headers.link }).toEqual({
    ...{ status: 200, json: [letter], link: '</api/v1/dead-letters?limit=1&after=7>; rel="next"' },
  });
  await api('?after=7');
  expect(gateway.calls.questions(ListDeadLetters)).toEqual([{ limit: 1 }, { limit: 100, after: 7 }]);
});

test.each([
  ['{"a":', '{"a":', 'utf-8'],
  ['', '', 'utf-8'],
  ['\ufeffé', '\ufeffé', 'utf-8'],
])('one is read with its payload as text: %j', async (bytes, payload, encoding) => {
  gateway.calls.on(ReadDeadLetter, () => ({ ...letter, headers: {}, bytes: Buffer.from(bytes) }));
  expect(await api('/7')).toMatchObject({ status: 200, json: { ...letter, payload, encoding } });
});

test('one that is no text is read as base64', async () => {
  gateway.calls.on(ReadDeadLetter, () => ({ ...letter, headers: {}, bytes: Buffer.from([0xff, 0x00]) }));
  expect((await api('/7')).json).toMatchObject({ payload: '/wA=', encoding: 'base64' });
});

test('one is published again, or thrown away, and nothing more is said', async () => {
  expect(await api('/7/replay', 'POST')).toMatchObject({ status: 204, json: undefined });
  expect(await api('/7', 'DELETE')).toMatchObject({ status: 204, json: undefined });
  expect([gateway.calls.questions(ReplayDeadLetter), gateway.calls.questions(DropDeadLetter)]).toEqual([
    [{ sequence: 7 }],
    [{ sequence: 7 }],
  ]);
});

test.each([
  [notFound('dead letter 7'), 404],
  [conflict('it was cut'), 409],
  [unavailable('NATS', 1), 503],
])('%s is answered as it is', async (error, status) => {
  gateway.calls.on(ReplayDeadLetter, () => {
    throw error;
  });
  expect((await api('/7/replay', 'POST')).status).toBe(status);
});

test.each([
  ['GET', '/latest', 'sequence'],
  ['GET', '/0', 'sequence'],
  ['GET', '/1.5', 'sequence'],
  ['GET', `/${'9'.repeat(20)}`, 'sequence'],
  ['DELETE', '/-1', 'sequence'],
  ['DELETE', '/%00', 'sequence'],
  ['DELETE', '/7?all', 'all'],
  ['POST', '/x/replay', 'sequence'],
  ['GET', '?limit=0', 'limit'],
  ['GET', '?after=-1', 'after'],
  ['GET', '?after=x', 'after'],
  ['GET', '?stream=x', 'stream'],
])('%s %s is refused, naming %s', async (method, path, field) => {
  const { status, json } = await api(path, method);
  expect({ status, field: json.field }).toEqual({ status: 400, field });
  expect(gateway.calls.asked).toEqual([]);
});
