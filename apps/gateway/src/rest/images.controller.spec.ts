import { ListImages } from '#contracts/calls/images';
import { AcceptOperation } from '#contracts/calls/operations';
import { digestOf } from '#oci/digest';
import { conflict } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const digest = digestOf(Buffer.from('manifest'));
const image = {
  repository: 'docker.io/library/node',
  tags: ['22'],
  digest,
  id: digest,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  size: 100,
  complete: true,
  platforms: ['linux/amd64'],
  createdAt: '2026-01-01T00:00:00.000Z',
  pulls: 0,
  pulledAt: null,
  source: 'fetched' as const,
};

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls.on(ListImages, () => ({ images: [image], next: 'docker.io/library/node@sha256:1' }));
});

const api = async (path: string, method = 'GET') => {
  const { status, headers, text } = await askRaw(gateway.port, `/api/v1/images${path}`, { method });
  return { status, headers, json: JSON.parse(text) };
};

test('images come in pages that link to the next', async () => {
  const { status, headers, json } = await api('?repository=docker.io/library/node&limit=1');
  expect({ status, json }).toEqual({ status: 200, json: [image] });
  expect(headers.link).toBe(
    '</api/v1/images?repository=docker.io%2Flibrary%2Fnode&limit=1&after=docker.io%2Flibrary%2Fnode%40sha256%3A1>; rel="next"',
  );
  expect(gateway.calls.questions(ListImages)).toEqual([
    { repository: 'docker.io/library/node', limit: 1, sort: 'name' },
  ]);
});

test('all that a list is narrowed to is asked for', async () => {
  const query =
    'repository=docker.io/*&tag=v?&label=team&label=team%3Dred&platform=linux/arm64&dangling=false&inUse' +
    '&before=2026-02-01T00:00:00Z&since=2026-01-01T00:00:00%2B01:00&minSize=0&maxSize=5&sort=size&limit=2';
  expect((await api(`?${query}`)).status).toBe(200);
  expect(gateway.calls.questions(ListImages)).toEqual([
    {
      repository: 'docker.io/*',
      tag: 'v?',
      labels: ['team', 'team=red'],
      platform: 'linux/arm64',
      dangling: false,
      inUse: true,
      before: '2026-02-01T00:00:00.000Z',
      since: '2025-12-31T23:00:00.000Z',
      minSize: 0,
      maxSize: 5,
      sort: 'size',
      limit: 2,
    },
  ]);
});

test.each([
  ['?limit=0', 'limit'],
  ['?repository=a%00b', 'repository'],
  ['?after=a%00b', 'after'],
  [`?repository=${'x'.repeat(256)}`, 'repository'],
  [`?after=${'x'.repeat(1001)}`, 'after'],
  ['?sort=digest', 'sort'],
  ['?order=name', 'order'],
  ['?repository=a&repository=b', 'repository'],
  ['?repository=(a%2B)%2B', 'repository'],
  ['?tag=[a-z]', 'tag'],
  [`?tag=${'*'.repeat(129)}`, 'tag'],
  ['?label=', 'label.0'],
  ['?label=a%00', 'label.0'],
  [`?${'label=a&'.repeat(17)}`, 'label'],
  ['?platform=linux', 'platform'],
  ['?dangling=maybe', 'dangling'],
  ['?before=yesterday', 'before'],
  ['?before=0000-01-01T00:00:00Z', 'before'],
  ['?since=2026-01-01', 'since'],
  ['?minSize=-1', 'minSize'],
  ['?maxSize=1e9', 'maxSize'],
  [`?maxSize=${'9'.repeat(16)}`, 'maxSize'],
])('%s is refused, naming %s', async (query, field) => {
  const { status, json } = await api(query);
  expect({ status, field: json.field }).toEqual({ status: 400, field });
});

test('removing one is an operation', async () => {
  gateway.calls.on(AcceptOperation, () => {
    throw conflict('as the test wants it');
  });
  const { status } = await api('?reference=node:22&force', 'DELETE');
  expect(status).toBe(409);
  expect(gateway.calls.questions(AcceptOperation)).toMatchObject([
    { kind: 'remove', body: { reference: 'node:22', force: true, now: false } },
  ]);
});

test('removing nothing in particular is refused', async () => {
  const { status, json } = await api('', 'DELETE');
  expect({ status, field: json.field }).toEqual({ status: 400, field: 'reference' });
  expect(gateway.calls.questions(AcceptOperation)).toEqual([]);
});
