import { ExplainWhy } from '#contracts/calls/why';
import { digestOf } from '#oci/digest';
import { notFound } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const digest = digestOf(Buffer.from('manifest'));
const why = {
  kind: 'image' as const,
  digest,
  repositories: ['docker.io/library/node'],
  kept: true,
  roots: [
    {
      root: 'tag' as const,
      name: '22',
      repository: 'docker.io/library/node',
      until: null,
      path: [{ digest, via: 'root' as const }],
    },
  ],
  moreRoots: false,
  goesAt: null,
  purgedAt: null,
};

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.calls.on(ExplainWhy, () => why);
});

const api = async (query: string) => {
  const { status, text } = await askRaw(gateway.port, `/api/v1/why${query}`);
  return { status, json: JSON.parse(text) };
};

test('what keeps an image is answered as metadata says it', async () => {
  expect(await api('?reference=node:22')).toEqual({ status: 200, json: why });
  expect(gateway.calls.questions(ExplainWhy)).toEqual([{ reference: 'node:22' }]);
});

test('what is not here is 404', async () => {
  gateway.calls.on(ExplainWhy, () => {
    throw notFound('image node:1');
  });
  expect(await api('?reference=node:1')).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
});

test.each([
  ['', 'reference'],
  ['?reference=', 'reference'],
  [`?reference=${'x'.repeat(513)}`, 'reference'],
  ['?reference=node&all', 'all'],
])('%s is refused, naming %s', async (query, field) => {
  expect(await api(query)).toMatchObject({ status: 400, json: { field } });
});
