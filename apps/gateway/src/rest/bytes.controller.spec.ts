import { DescribeBlob, ListSharedLayers } from '#contracts/calls/references';
import { ReadUsage } from '#contracts/calls/usage';
import { conflict, notFound } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const digest = `sha256:${'a'.repeat(64)}`;
const some = { count: 0, bytes: 0 };
const usage = {
  ...{ asOf: '2026-01-01T00:00:00.000Z', bytes: 0, reclaimableBytes: 0 },
  images: { ...some, active: 0, uniqueBytes: 0, sharedBytes: 0, reclaimableBytes: 0, danglingBytes: 0 },
  containers: { ...some, active: 0 },
  ...{ unlisted: some, uploads: some, condemned: some, purging: some, lost: some, repositories: [] },
};

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  const image = { repository: 'team/app', digest };
  gateway.calls
    .on(ReadUsage, () => ({ usage, next: '12.3' }) as never)
    .on(
      ListSharedLayers,
      () => ({ image, layerBytes: 0, sharedBytes: 0, layers: [], sharing: [], next: digest }) as never,
    )
    .on(DescribeBlob, () => {
      throw notFound(`blob ${digest}`);
    });
});

const api = async (path: string) => {
  const { status, headers, text } = await askRaw(gateway.port, `/api/v1${path}`);
  return { status, headers, json: JSON.parse(text) };
};

test('usage is as it was counted, with a page of repositories', async () => {
  const { status, headers, json } = await api('/usage?limit=5');
  expect({ status, json, link: headers.link }).toEqual({
    ...{ status: 200, json: usage, link: '</api/v1/usage?limit=5&after=12.3>; rel="next"' },
  });
  await api('/usage?fresh&after=12.3');
  expect(gateway.calls.questions(ReadUsage)).toEqual([
    { fresh: false, limit: 5 },
    { fresh: true, limit: 100, after: '12.3' },
  ]);
});

test('shared layers come in pages, and `next` is in the link alone', async () => {
  const { headers, json } = await api('/layers/shared?reference=node:22');
  expect(headers.link).toContain('after=sha256%3A');
  expect(json).not.toHaveProperty('next');
});

test('an ambiguous beginning of an id is 409', async () => {
  gateway.calls.on(ListSharedLayers, () => {
    throw conflict('abcd is the beginning of 2 ids');
  });
  expect((await api('/layers/shared?reference=abcd')).status).toBe(409);
});

test('a blob that nobody knows is 404', async () => {
  expect((await api(`/blobs/${digest}`)).status).toBe(404);
  expect(gateway.calls.questions(DescribeBlob)).toEqual([{ digest }]);
});

test.each([
  ['/blobs/abc', 'digest'],
  ['/blobs/sha256:abc', 'digest'],
  [`/blobs/${digest.toUpperCase()}`, 'digest'],
  [`/blobs/${digest}?force`, 'force'],
  ['/blobs/%00', 'digest'],
  ['/layers/shared', 'reference'],
  ['/layers/shared?reference=', 'reference'],
  ['/layers/shared?reference=a&limit=0', 'limit'],
  [`/layers/shared?reference=${'a'.repeat(513)}`, 'reference'],
  ['/usage?fresh=maybe', 'fresh'],
  ['/usage?after=%00', 'after'],
  ['/usage?limit=1001', 'limit'],
  ['/usage?repository=a', 'repository'],
])('%s is refused, naming %s', async (path, field) => {
  const { status, json } = await api(path);
  expect({ status, field: json.field }).toEqual({ status: 400, field });
  expect(gateway.calls.asked).toEqual([]);
});
