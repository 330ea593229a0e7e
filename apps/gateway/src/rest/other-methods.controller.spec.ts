import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';
import { REST_ROUTES } from './rest-routes';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());

const ask = (method: string, path: string, body?: string) =>
  askRaw(gateway.port, path, {
    method,
    ...(body === undefined ? {} : { body, headers: { 'Content-Type': 'application/json' } }),
  });

test.each([
  ['PUT', '/api/v1/operations', 'GET, HEAD, POST'],
  ['PATCH', '/api/v1/operations', 'GET, HEAD, POST'],
  ['DELETE', '/api/v1/operations', 'GET, HEAD, POST'],
  ['POST', '/api/v1/operations/7d9f1c52-1111-4c9a-8a0e-5f3b1c2d4e6f', 'GET, HEAD, DELETE'],
  ['DELETE', '/api/v1/operations/x/events', 'GET, HEAD'],
  ['POST', '/api/v1/images?repository=a', 'GET, HEAD, DELETE'],
  ['POST', '/', 'GET, HEAD'],
  ['DELETE', '/livez', 'GET, HEAD'],
  ['PUT', '/readyz', 'GET, HEAD'],
  ['PATCH', '/metrics?x', 'GET, HEAD'],
  ['POST', '/api', 'GET, HEAD'],
  ['DELETE', '/api/openapi.json', 'GET, HEAD'],
])('%s %s is answered by what may be asked there', async (method, path, allowed) => {
  const { status, headers, text } = await ask(method, path, method === 'DELETE' ? undefined : '{}');
  expect({ status, type: headers['content-type'] }).toEqual({ status: 405, type: 'application/problem+json' });
  const allow = String(headers.allow).split(', ');
  expect(allow.sort()).toEqual([...allowed.split(', '), 'OPTIONS'].sort());
  expect(JSON.parse(text)).toMatchObject({ status: 405, title: 'Method Not Allowed', code: 'UNSUPPORTED' });
  expect(JSON.parse(text).detail).toContain(method);
});

test('OPTIONS says it too', async () => {
  const { status, headers, body } = await ask('OPTIONS', '/api/v1/images');
  expect({ status, allow: headers.allow, length: body.length }).toEqual({
    status: 204,
    allow: 'GET, HEAD, DELETE, OPTIONS',
    length: 0,
  });
});

test.each(['GET', 'PUT', 'POST', 'OPTIONS'])('%s of a path that is none is 404', async (method) => {
  for (const path of [
    '/api/v1/',
    '/api/v1/operation',
    '/api/v1/operations/a/b',
    '/api/v1/operations/',
    '/livezz',
    '/x',
  ]) {
    const { status, headers } = await ask(method, path);
    expect({ path, status, allow: headers.allow }).toEqual({ path, status: 404, allow: undefined });
  }
});

test('no route of the API is hidden', async () => {
  for (const { method, path } of REST_ROUTES) {
    const { status } = await ask(method.toUpperCase(), path.replace('{id}', '7d9f1c52-1111-4c9a-8a0e-5f3b1c2d4e6f'));
    expect(status).not.toBe(405);
  }
});
