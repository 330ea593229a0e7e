import { FetchManifest } from '#contracts/calls/fetching';
import type { QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { isRegistryError, type RegistryError } from '#oci/registry-error';
import { imageIndex, imageManifest, someBytes } from '#testing/image-parts';
import { hang, reply, ScriptedUpstream } from '#testing/scripted-upstream';
import { waitUntil } from '#testing/wait-until';
import { WorkerWorld } from '#testing/worker-world';
import { FetcherController } from './fetcher.controller';
import { FetcherModule } from './fetcher.module';
import { quickSettings } from './fetcher.testing';

const MANIFEST = /\/manifests\//;
const config = someBytes(300);
const image = imageManifest(config);

let upstream: ScriptedUpstream;
let world: WorkerWorld;
let controller: FetcherController;
let digest: Digest;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start();
  upstream.addBlob(config);
  digest = upstream.addManifest('library/node', '20', image);
  world = new WorkerWorld();
  controller = (await world.start(FetcherModule.with(quickSettings()))).get(FetcherController);
});
afterEach(async () => {
  await world.stop();
  await upstream.stop();
});

const repository = () => `127.0.0.1_${upstream.port}/library/node`;
const ask = (reference: object, hops: string[] = []) =>
  controller.fetchManifest(
    FetchManifest.question.parse({ repository: repository(), reference, hops }) as QuestionOf<typeof FetchManifest>,
  );
const fault = (reference: object, hops?: string[]): Promise<RegistryError> =>
  ask(reference, hops).then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => (isRegistryError(error) ? error : Promise.reject(error)),
  );
const calls = () => world.book.asked.filter((name) => !/claim|renew/.test(name));

it('a manifest that is missed is committed with its tag before it is answered, and its blobs come', async () => {
  const size = Buffer.byteLength(JSON.stringify(image));
  expect(await ask({ tag: '20' })).toEqual({ digest, mediaType: image.mediaType, size });
  expect(world.book.tags.get(`${repository()} 20`)?.digest).toBe(digest);
  expect(world.book.fills.size).toBe(1);
  await waitUntil('the blob', () => world.book.blobs.size === 1);
});

it('an index is committed alone: its children stay sparse until one is asked for', async () => {
  const index = upstream.addManifest('library/node', '21', imageIndex({ manifest: image, platform: 'linux/amd64' }));
  expect(await ask({ tag: '21' })).toMatchObject({ digest: index });
  expect([...world.book.manifests.keys()]).toEqual([`${repository()} ${index}`]);
  expect(world.book.fills.size).toBe(0);
  expect(await ask({ digest })).toMatchObject({ digest });
  expect(world.book.fills.size).toBe(1);
});

it('a tag that still names the same costs the upstream a HEAD, and a row its time', async () => {
  await ask({ tag: '20' });
  const before = world.book.tags.get(`${repository()} 20`)!.askedAt;
  upstream.requests.length = 0;
  world.book.asked.length = 0;
  expect(await ask({ tag: '20' })).toMatchObject({ digest });
  expect(upstream.requests.filter(({ url }) => MANIFEST.test(url)).map(({ method }) => method)).toEqual(['HEAD']);
  expect(calls().filter((name) => /manifest|tag/.test(name))).toEqual([
    'metadata.resolve-tags',
    'metadata.confirm-tag',
  ]);
  expect(world.book.tags.get(`${repository()} 20`)!.askedAt).toBeGreaterThan(before);
});

it('a tag that moved is fetched, and one that moved back to what is held is only committed', async () => {
  await ask({ tag: '20' });
  const moved = upstream.addManifest('library/node', '20', imageManifest(config, config));
  expect(await ask({ tag: '20' })).toMatchObject({ digest: moved });
  expect(world.book.asked).not.toContain('metadata.confirm-tag');
  expect(world.book.tags.get(`${repository()} 20`)?.digest).toBe(moved);
  upstream.addManifest('library/node', '20', image);
  upstream.requests.length = 0;
  expect(await ask({ tag: '20' })).toMatchObject({ digest });
  expect(upstream.count('GET', MANIFEST)).toBe(0);
  expect(world.book.tags.get(`${repository()} 20`)?.digest).toBe(digest);
});

it('a tag is dated by when the upstream was asked, not by when it answered', async () => {
  upstream.script('HEAD', MANIFEST, (_request, response) => {
    setTimeout(() => response.writeHead(200, { 'docker-content-digest': digest }).end(), 150);
    return true;
  });
  const asked = performance.now();
  await ask({ tag: '20' });
  expect(world.book.tags.get(`${repository()} 20`)!.askedAt).toBeLessThan(asked + 100);
});

it('all who ask at the same time are answered by one question', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask({ tag: '20' })));
  expect(new Set(answers.map((answer) => answer.digest))).toEqual(new Set([digest]));
  expect(upstream.count('HEAD', MANIFEST)).toBe(1);
  expect(upstream.count('GET', MANIFEST)).toBe(1);
  await ask({ tag: '20' });
  expect(upstream.count('HEAD', MANIFEST)).toBe(2);
});

it('a failure is answered to all who wait, and forgotten', async () => {
  upstream.script('HEAD', MANIFEST, reply(503), 1);
  const codes = await Promise.all([fault({ tag: '20' }), fault({ tag: '20' })]);
  expect(codes.map(({ code }) => code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  expect(upstream.count('HEAD', MANIFEST)).toBe(1);
  expect(await ask({ tag: '20' })).toMatchObject({ digest });
});

it.each([
  [404, 'MANIFEST_UNKNOWN'],
  [401, 'UNAUTHORIZED'],
  [403, 'DENIED'],
  [429, 'TOOMANYREQUESTS'],
  [500, 'UNAVAILABLE'],
])('an upstream that answers %d is %s, by tag and by digest', async (status, code) => {
  for (const method of ['HEAD', 'GET']) upstream.script(method, MANIFEST, reply(status));
  expect((await fault({ tag: '20' })).code).toBe(code);
  expect((await fault({ digest })).code).toBe(code);
  expect(world.book.manifests.size).toBe(0);
});

it('an upstream that hangs is away before whoever asks gives up', async () => {
  for (const method of ['HEAD', 'GET']) upstream.script(method, MANIFEST, hang());
  expect((await fault({ tag: '20' })).code).toBe('UNAVAILABLE');
});

it('schema 1 is refused with what to do', async () => {
  const headers = { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' };
  upstream.script('HEAD', MANIFEST, reply(200, headers));
  upstream.script('GET', MANIFEST, reply(200, headers, '{"schemaVersion":1}'));
  expect(await fault({ tag: '20' })).toMatchObject({
    code: 'UPSTREAM',
    message: expect.stringContaining('convert the image'),
  });
});

it('a question that came round to us is refused, whoever asks', async () => {
  await ask({ tag: '20' });
  const [own = ''] = String(upstream.requests[0]?.headers['entrepot-hops']).split(', ');
  expect(await fault({ tag: '20' }, ['aaaaaaaaaaaaaaaa', own])).toMatchObject({ code: 'UPSTREAM' });
  await ask({ tag: '20' }, ['aaaaaaaaaaaaaaaa']);
  expect(upstream.requests.at(-1)?.headers['entrepot-hops']).toBe(`aaaaaaaaaaaaaaaa, ${own}`);
});

it('a question that came round does not wait for itself', async () => {
  await ask({ tag: '20' });
  const [own = ''] = String(upstream.requests[0]?.headers['entrepot-hops']).split(', ');
  let answer: (() => void) | undefined;
  upstream.script('HEAD', MANIFEST, (_request, response) => {
    answer = () => response.writeHead(200, { 'docker-content-digest': digest }).end();
  });
  const first = ask({ tag: '20' });
  await waitUntil('the question', () => answer !== undefined);
  expect(await fault({ tag: '20' }, [own])).toMatchObject({ code: 'UPSTREAM' });
  answer?.();
  expect(await first).toMatchObject({ digest });
});

it('nothing is fetched into a local repository', async () => {
  const question = { repository: 'team/app', reference: { tag: '1' } };
  const asked = controller.fetchManifest(FetchManifest.question.parse(question) as QuestionOf<typeof FetchManifest>);
  await expect(asked).rejects.toMatchObject({ code: 'INVALID' });
});
