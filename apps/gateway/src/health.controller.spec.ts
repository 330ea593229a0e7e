import { ListTags } from '#contracts/calls/manifests';
import { PingBlobs, PingMetadata } from '#contracts/calls/ping';
import { unavailable } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from './gateway.testing';

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await TestGateway.start();
  gateway.calls.on(PingMetadata, () => ({})).on(PingBlobs, () => ({ warning: null }));
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
  ['metadata', PingMetadata, { blobs: 'ok' }],
  ['blobs', PingBlobs, { metadata: 'ok' }],
] as const)('without %s it is not ready, and says what is away', async (what, call, others) => {
  gateway.calls.on(call as typeof PingMetadata, () => {
    throw unavailable('it');
  });
  const { status, text } = await ask('/readyz');
  expect(status).toBe(503);
  const away = { status: 'not ready', [what]: 'it is not available at the moment' };
  expect(JSON.parse(text)).toMatchObject({ ...away, ...others });
});

test('a store that is nearly full is said, and what it has is served still', async () => {
  gateway.calls.on(PingBlobs, () => ({ warning: 'the store has 7 bytes left' }));
  const { status, text } = await ask('/readyz');
  expect(status).toBe(200);
  expect(JSON.parse(text)).toMatchObject({ status: 'ready', blobs: 'ok, but the store has 7 bytes left' });
});

test('many probes cost one question', async () => {
  await Promise.all(Array.from({ length: 10 }, () => ask('/readyz')));
  expect(gateway.calls.questions(PingBlobs)).toHaveLength(1);
});

test('requests are counted by method, kind of route and status, and never by what a client may invent', async () => {
  gateway.calls.on(ListTags, () => ({ found: false, tags: [], more: false }));
  await ask('/v2/a/tags/list');
  await ask('/v2/b/tags/list');
  await ask('/v2/b/manifests/..');
  await ask('/nothing/there');
  await ask('/livez');
  const { text } = await ask('/metrics');
  expect(text).toContain('registry_http_requests_total{method="GET",route="/v2/tags",code="404"} 2');
  expect(text).toContain('registry_http_requests_total{method="GET",route="/v2/manifests",code="400"} 1');
  expect(text).toMatch(/registry_http_requests_total\{method="GET",route="\/livez",code="200"\} [1-9]/);
  expect(text).toContain('registry_http_requests_total{method="GET",route="none",code="404"} 1');
  expect(text).toContain('registry_http_in_flight_requests 1');
});
