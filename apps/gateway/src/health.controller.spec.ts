import { ListStored } from '#contracts/calls/blobs';
import { ListTags } from '#contracts/calls/manifests';
import { unavailable } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from './gateway.testing';

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await TestGateway.start();
  gateway.calls
    .on(ListTags, () => ({ found: false, tags: [], more: false }))
    .on(ListStored, () => ({ stored: [], next: null }));
});
afterEach(() => gateway.stop());

const ask = async (path: string) => {
  const { status, text } = await askRaw(gateway.port, path);
  return { status, text };
};

test('alive is said without asking anybody', async () => {
  expect((await ask('/livez')).status).toBe(200);
  expect(gateway.calls.asked).toEqual([]);
});

test('ready means that metadata and blobs answer', async () => {
  const { status, text } = await ask('/readyz');
  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual({ status: 'ready', metadata: 'ok', blobs: 'ok', bus: 'ok, nats-server test' });
});

test.each([
  ['metadata', ListTags],
  ['blobs', ListStored],
] as const)('without %s it is not ready, and says what is away', async (what, call) => {
  gateway.calls.on(call as typeof ListTags, () => {
    throw unavailable('it');
  });
  const { status, text } = await ask('/readyz');
  expect(status).toBe(503);
  expect(JSON.parse(text)).toMatchObject({ status: 'not ready', [what]: 'it is not available at the moment' });
});

test('many probes cost one question', async () => {
  await Promise.all(Array.from({ length: 10 }, () => ask('/readyz')));
  expect(gateway.calls.questions(ListStored)).toHaveLength(1);
});

test('requests are counted by method, kind of route and status, and never by what a client may invent', async () => {
  await ask('/v2/a/tags/list');
  await ask('/v2/b/tags/list');
  await ask('/v2/b/manifests/..');
  await ask('/nothing/there');
  await ask('/livez');
  const { text } = await ask('/metrics');
  expect(text).toContain('registry_http_requests_total{method="GET",route="/v2/tags",code="404"} 2');
  expect(text).toContain('registry_http_requests_total{method="GET",route="/v2/manifests",code="400"} 1');
  expect(text).toContain('registry_http_requests_total{method="GET",route="/livez",code="200"} 1');
  expect(text).toContain('registry_http_requests_total{method="GET",route="none",code="404"} 1');
  expect(text).toContain('registry_http_in_flight_requests 1');
  expect(text).toContain('process_resident_memory_bytes');
});
