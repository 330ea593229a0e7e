import { CreateBusUser, DeleteBusUser, ListBusUsers, ReadBusUser } from '#contracts/calls/bus-users';
import { ANONYMOUS, PrincipalSchema } from '#contracts/principal';
import { conflict } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const user = {
  name: 'ci',
  principal: PrincipalSchema.parse('u1'),
  createdAt: '2026-01-01T03:00:00.000Z',
  createdBy: ANONYMOUS,
};

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls
    .on(CreateBusUser, () => ({ user: { ...user, password: 'secret' } }))
    .on(ListBusUsers, () => ({ users: [user], next: 'ci' }))
    .on(ReadBusUser, () => ({ user }))
    .on(DeleteBusUser, () => ({ deleted: true }));
});

const api = async (path: string, method = 'GET', body?: unknown) => {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const { status, headers, text } = await askRaw(gateway.port, `/api/v1/bus-users${path}`, { method, ...sent });
  return { status, headers, json: text === '' ? null : JSON.parse(text) };
};

test('a user of the bus is made, read, listed and deleted; its password is said once, and stored by nobody', async () => {
  const made = await api('', 'POST', { name: 'ci' });
  expect(made).toMatchObject({ status: 201, json: { ...user, password: 'secret' } });
  expect(made.headers).toMatchObject({ 'cache-control': 'no-store', location: '/api/v1/bus-users/ci' });
  expect(gateway.calls.questions(CreateBusUser)).toEqual([
    { asker: ANONYMOUS, name: 'ci', seed: expect.stringMatching(/^[\w-]{43}$/) },
  ]);
  expect((await api('/ci')).json).toEqual(user);
  const list = await api('?limit=1');
  expect(list.json).toEqual([user]);
  expect(list.headers.link).toBe('</api/v1/bus-users?limit=1&after=ci>; rel="next"');
  expect(await api('/ci', 'DELETE')).toMatchObject({ status: 204, json: null });
});

test('what is not there is 404, and what is taken 409', async () => {
  gateway.calls.on(ReadBusUser, () => ({ user: null })).on(DeleteBusUser, () => ({ deleted: false }));
  expect(await api('/none')).toMatchObject({ status: 404 });
  expect(await api('/none', 'DELETE')).toMatchObject({ status: 404 });
  gateway.calls.on(CreateBusUser, () => {
    throw conflict('taken');
  });
  expect(await api('', 'POST', { name: 'ci' })).toMatchObject({ status: 409 });
});

test.each([
  ['', 'POST', {}, 'name'],
  ['', 'POST', { name: 'CI' }, 'name'],
  ['', 'POST', { name: '-ci' }, 'name'],
  ['', 'POST', { name: 'x'.repeat(64) }, 'name'],
  ['', 'POST', { name: 'ci', password: 'mine' }, 'password'],
  ['/CI', 'DELETE', undefined, 'name'],
  ['?after=A', 'GET', undefined, 'after'],
])('%s, %s of %j is refused, naming %s', async (path, method, body, field) => {
  expect(await api(path, method, body)).toMatchObject({ status: 400, json: { field } });
});
