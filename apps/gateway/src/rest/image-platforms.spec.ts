import { Readable } from 'node:stream';
import { FindConfigs, RecordConfigs } from '#contracts/calls/configs';
import { ListImages } from '#contracts/calls/images';
import { digestOf } from '#oci/digest';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '#oci/media-type';
import { unavailable } from '#oci/registry-error';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const object = (n: number) => `4f0c8a52-7b1d-4c9a-8a0e-${String(n).padStart(12, '0')}`;
const image = (n: number, mediaType = OCI_MANIFEST, platforms: string[] = []) => ({
  repository: 'team/app',
  tags: [],
  digest: digestOf(Buffer.from(String(n))),
  id: digestOf(Buffer.from(String(n))),
  mediaType,
  size: 100,
  complete: true,
  platforms,
  createdAt: '2026-01-01T00:00:00.000Z',
  pulls: 0,
  pulledAt: null,
  source: 'pushed' as const,
});

let gateway: TestGateway;
/** By object: what lies there. */
let configs: Map<string, string>;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.bytes.objects.clear();
  gateway.bytes.reads.length = 0;
  configs = new Map();
  gateway.calls.on(RecordConfigs, () => ({}));
});

/** What the list answers for these images, whose configs lie in objects of the same number. */
async function list(images: ReturnType<typeof image>[], texts: readonly (string | null)[]): Promise<string[][]> {
  for (const [n, text] of texts.entries()) {
    if (text === null) continue;
    configs.set(images[n]!.digest, object(n));
    gateway.bytes.put(object(n), Buffer.from(text));
  }
  gateway.calls
    .on(ListImages, () => ({ images, next: null }))
    .on(FindConfigs, (asked) => ({
      configs: asked.images.map(({ digest }) => {
        const found = configs.get(digest);
        return found === undefined ? null : { object: found, size: gateway.bytes.objects.get(found)!.size };
      }),
    }));
  const { status, text } = await askRaw(gateway.port, '/api/v1/images');
  expect(status).toBe(200);
  return (JSON.parse(text) as { platforms: string[] }[]).map(({ platforms }) => platforms);
}
/** Of a config without labels and date. */
const said = { labels: {}, created: null };
const recorded = () => gateway.calls.questions(RecordConfigs).flatMap(({ configs }) => configs);

test('the config says it, once: it is recorded', async () => {
  const images = [image(0), image(1, DOCKER_MANIFEST)];
  const texts = ['{"os":"linux","architecture":"amd64"}', '{"os":"linux","architecture":"arm","variant":"v6"}'];
  expect(await list(images, texts)).toEqual([['linux/amd64'], ['linux/arm/v6']]);
  expect(recorded()).toEqual([
    { manifest: images[0]!.digest, platform: { os: 'linux', architecture: 'amd64' }, ...said },
    { manifest: images[1]!.digest, platform: { os: 'linux', architecture: 'arm', variant: 'v6' }, ...said },
  ]);
});

test('what is known, or an index, is not asked for', async () => {
  expect(await list([image(0, OCI_MANIFEST, ['linux/amd64']), image(1, OCI_INDEX)], [])).toEqual([['linux/amd64'], []]);
  expect(gateway.calls.questions(FindConfigs)).toEqual([]);
});

test.each([
  'not JSON',
  '[]',
  '{}',
  '{"os":"linux"}',
  '{"os":"a/b","architecture":"\\u0000"}',
  '{"os":1,"architecture":2}',
])('a config that says nothing that can be read is recorded as that: %s', async (text) => {
  expect(await list([image(0)], [text])).toEqual([[]]);
  expect(recorded()).toEqual([{ manifest: image(0).digest, platform: null, ...said }]);
});

test('bytes that break off are no config, and the list is answered all the same', async () => {
  const images = [image(0), image(1)];
  const broken = () =>
    new Readable({
      read() {
        this.push('{"os":');
        this.destroy(new Error('gone'));
      },
    });
  const texts = ['', '{"os":"linux","architecture":"arm64"}'];
  const put = gateway.bytes.put.bind(gateway.bytes);
  jest.spyOn(gateway.bytes, 'put').mockImplementation((id, bytes) => {
    if (id === object(0)) gateway.bytes.objects.set(id, { size: 30, verified: true, open: broken });
    else put(id, bytes);
  });
  expect(await list(images, texts)).toEqual([[], ['linux/arm64']]);
  expect(recorded().map(({ manifest }) => manifest)).toEqual([images[1]!.digest]);
  jest.restoreAllMocks();
});

test.each([FindConfigs, RecordConfigs])('without $name the list is answered', async ({ name }) => {
  const images = [image(0)];
  await list(images, ['{"os":"linux","architecture":"amd64"}']);
  const call = name === FindConfigs.name ? FindConfigs : RecordConfigs;
  gateway.calls.on(call as typeof FindConfigs, () => {
    throw unavailable('metadata');
  });
  const { status, text } = await askRaw(gateway.port, '/api/v1/images');
  expect({ status, images: JSON.parse(text).length }).toEqual({ status: 200, images: 1 });
});

test('many are read, few at once', async () => {
  let open = 0;
  let most = 0;
  const images = Array.from({ length: 40 }, (_, n) => image(n));
  const reading = gateway.bytes.read.bind(gateway.bytes);
  jest.spyOn(gateway.bytes, 'read').mockImplementation(async (...asked) => {
    most = Math.max(most, ++open);
    const answer = await reading(...asked);
    answer.stream.once('close', () => {
      open -= 1;
    });
    return answer;
  });
  const texts = images.map(() => '{"os":"linux","architecture":"amd64"}');
  expect(await list(images, texts)).toEqual(images.map(() => ['linux/amd64']));
  expect(most).toBeLessThanOrEqual(8);
  expect(most).toBeGreaterThan(1);
  jest.restoreAllMocks();
});
