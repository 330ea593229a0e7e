import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FetchManifest } from '#contracts/calls/fetching';
import { OCI_INDEX } from '#oci/media-type';
import { RegistryError } from '#oci/registry-error';
import { digestOfJson, imageIndex, imageManifest, someBytes } from '#testing/image-parts';
import { demandToken, hang, reply, ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { waitUntil } from '#testing/wait-until';
import { WorkerWorld } from '#testing/worker-world';
import { FetcherController } from '../fetcher.controller';
import { FetcherModule } from '../fetcher.module';
import { quickSettings } from '../fetcher.testing';

const MANIFEST = /\/manifests\//;

let upstream: ScriptedUpstream;
let world: WorkerWorld;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start();
  world = new WorkerWorld({ leaseMs: 2_000, backoffMs: 5, attempts: 4 });
});
afterEach(async () => {
  await world.stop();
  await upstream.stop();
});

const repository = () => `127.0.0.1_${upstream.port}/library/node`;
const hasEnded = (operation: { state: string }) => ['completed', 'failed', 'cancelled'].includes(operation.state);
const start = (settings: Record<string, string> = {}) => world.start(FetcherModule.with(quickSettings(settings)));

/** An image of a config and these layers, at the upstream. */
function offer(...layers: Buffer[]) {
  const config = someBytes(300);
  for (const bytes of [config, ...layers]) upstream.addBlob(bytes);
  const manifest = imageManifest(config, ...layers);
  return { manifest, digest: upstream.addManifest('library/node', '20', manifest) };
}

async function pull(body: Record<string, unknown> = {}, settings: Record<string, string> = {}) {
  const operation = world.book.accept({ reference: `${upstream.domain}/library/node:20`, ...body });
  await start(settings);
  await waitUntil('the end', () => hasEnded(operation));
  return operation;
}

it('a pull ends completed with its tag, its manifest and every blob, each byte asked for once', async () => {
  const layer = someBytes(3 * 1024 * 1024);
  const { digest, manifest } = offer(layer);
  const operation = await pull();
  expect(operation.state).toBe('completed');
  expect(operation.image).toEqual({ repository: repository(), tag: '20', digest });
  const size = 300 + layer.byteLength;
  expect(operation.outcome).toEqual({
    repository: repository(),
    tag: '20',
    digest,
    mediaType: manifest.mediaType,
    size,
  });
  expect(world.book.tags.get(`${repository()} 20`)?.digest).toBe(digest);
  expect([...world.book.blobs.values()].map((blob) => blob.byteLength).sort()).toEqual([300, layer.byteLength]);
  expect(upstream.bodyBytes).toBe(size);
});

it('the image of a container is pulled as by itself, for the platform that it says', async () => {
  const { digest } = offer(someBytes(1000));
  const operation = world.book.accept({ image: `${upstream.domain}/library/node:20`, name: 'web', cmd: ['sh'] });
  await start();
  await waitUntil('the end', () => hasEnded(operation));
  expect(operation).toMatchObject({ state: 'completed', image: { repository: repository(), tag: '20', digest } });
  const child = imageManifest(someBytes(300), someBytes(1000));
  upstream.addManifest('library/node', 'index', imageIndex({ manifest: child, platform: 'linux/amd64' }));
  const image = `${upstream.domain}/library/node:index`;
  const other = world.book.accept({ image, platform: 'linux/s390x' });
  await waitUntil('the end', () => hasEnded(other));
  expect(other.state).toBe('failed');
});

it('the end of the last layer is heard, not waited for', async () => {
  offer(someBytes(1_000));
  const started = performance.now();
  expect((await pull({}, { ENTREPOT_FETCH_PROGRESS_MS: '60000' })).state).toBe('completed');
  expect(performance.now() - started).toBeLessThan(5_000);
});

it('a pull by digest moves no tag, and one by both goes by the digest', async () => {
  const { digest } = offer();
  const reference = `${upstream.domain}/library/node`;
  for (const suffix of [`@${digest}`, `:20@${digest}`]) {
    const operation = await pull({ reference: reference + suffix });
    expect(operation.outcome).toMatchObject({ tag: null, digest });
  }
  expect(world.book.tags.size).toBe(0);
  expect(upstream.count('HEAD', MANIFEST)).toBe(0);
});

it('a second pull of what is here asks by HEAD, and for nothing else', async () => {
  offer(someBytes(100));
  await pull();
  upstream.requests.length = 0;
  expect((await pull()).state).toBe('completed');
  expect(upstream.requests.map(({ method }) => method)).toEqual(['HEAD']);
});

it('of an index the host platform is fetched; the index stays as it is', async () => {
  const [amd64, arm64] = [offer(someBytes(1_000)), offer(someBytes(2_000))];
  const index = imageIndex(
    { manifest: arm64.manifest, platform: 'linux/arm64' },
    { manifest: amd64.manifest, platform: 'linux/amd64' },
  );
  const digest = upstream.addManifest('library/node', '20', index);
  const operation = await pull();
  expect(operation.outcome).toMatchObject({ digest, mediaType: OCI_INDEX, size: 1_300 });
  const held = (wanted: string) => world.book.manifests.has(`${repository()} ${wanted}`);
  expect([digest, amd64.digest, arm64.digest].map(held)).toEqual([true, true, false]);
  expect((await pull({ platforms: 'all' })).outcome).toMatchObject({ size: 3_600 });
  expect(held(arm64.digest)).toBe(true);
});

it('an upstream is named behind one of our own hosts too, as clients name it', async () => {
  const { manifest } = offer(someBytes(100));
  upstream.addManifest('library/node', '20', manifest);
  const name = `${upstream.domain.replace(':', '_')}/library/node`;
  const { state, image } = await pull({ reference: `Warehouse:5050/${name}:20` }, { ENTREPOT_HOSTS: 'warehouse:5050' });
  expect({ state, repository: image?.repository }).toEqual({ state: 'completed', repository: name });
  const reference = 'localhost:5050/localhost_5050/app:1';
  expect(await pull({ reference })).toMatchObject({
    state: 'failed',
    error: { code: 'INVALID', message: expect.stringContaining('is this registry itself') },
  });
});

it('a platform that is not there fails with those that are, and leaves no fill', async () => {
  const { manifest } = offer(someBytes(100));
  upstream.addManifest('library/node', '20', imageIndex({ manifest, platform: 'linux/arm64' }));
  const operation = await pull();
  expect(operation).toMatchObject({ state: 'failed', error: { code: 'INVALID' } });
  expect(operation.error?.message).toContain('not built for linux/amd64; there are linux/arm64');
  expect(world.book.fills.size).toBe(0);
});

it('indexes may lie inside each other, but not without end', async () => {
  const { manifest } = offer(someBytes(100));
  let index: object & { mediaType: string } = manifest;
  for (let depth = 1; depth <= 4; depth += 1) {
    index = imageIndex({ manifest: index, ...(depth === 1 ? { platform: 'linux/amd64' } : {}) });
    upstream.addManifest('library/node', `depth-${depth}`, index);
  }
  const reference = `${upstream.domain}/library/node`;
  expect((await pull({ reference: `${reference}:depth-3` })).state).toBe('completed');
  expect(await pull({ reference: `${reference}:depth-4` })).toMatchObject({
    state: 'failed',
    error: { code: 'UPSTREAM' },
  });
});

describe('what cannot be pulled ends failed, at once, with what to do (P9)', () => {
  it.each([
    [{ reference: 'localhost:5050/team/app:1' }, 'INVALID', 'is this registry itself'],
    [{ reference: 'warehouse:5050/team/app:1' }, 'INVALID', 'a local repository is pushed to, not pulled into'],
    [{ reference: 'https://docker.io/node' }, 'NAME_INVALID', 'must not have a scheme'],
    [{ reference: 'registry:5000/app' }, 'NAME_INVALID', 'without a dot'],
    [{ reference: '10.0.0.1/app:1' }, 'DENIED', 'ENTREPOT_UPSTREAMS'],
    [{ reference: '' }, 'INVALID', 'reference'],
    [{ platforms: 'some' }, 'INVALID', 'platforms'],
    [{ platforms: ['amd64'] }, 'INVALID', 'os/architecture'],
    [{ colour: 'red' }, 'INVALID', 'colour'],
  ])('%j', async (body, code, message) => {
    const { manifest } = offer();
    upstream.addManifest('library/node', '20', imageIndex({ manifest, platform: 'linux/amd64' }));
    const operation = await pull(body, { ENTREPOT_HOSTS: 'warehouse:5050' });
    expect(operation).toMatchObject({ state: 'failed', attempts: 1, error: { code } });
    expect(operation.error?.message).toContain(message);
  });

  it.each([
    [401, 'UNAUTHORIZED'],
    [403, 'DENIED'],
    [404, 'MANIFEST_UNKNOWN'],
  ])('an upstream that answers %d', async (status, code) => {
    upstream.script('HEAD', MANIFEST, reply(status));
    expect(await pull()).toMatchObject({ state: 'failed', attempts: 1, error: { code } });
  });
});

describe('what may pass is tried again', () => {
  it.each([
    ['500', reply(500)],
    ['429', reply(429, { 'retry-after': '0' })],
    ['no answer', hang()],
  ])('%s', async (_what, script) => {
    offer();
    upstream.script('HEAD', MANIFEST, script, 2);
    expect(await pull()).toMatchObject({ state: 'completed', attempts: 3 });
  });

  it('and an upstream that stays away fails as away', async () => {
    upstream.script('HEAD', MANIFEST, reply(503));
    const operation = await pull();
    expect(operation).toMatchObject({ state: 'failed', attempts: 4, error: { code: 'UNAVAILABLE' } });
    expect(operation.error?.message).toContain(`${upstream.domain} is not available at the moment: it answered 503`);
  });

  it('at the time that the upstream says', async () => {
    offer();
    upstream.script('HEAD', MANIFEST, reply(429, { 'retry-after': '1' }), 1);
    const started = performance.now();
    expect((await pull()).state).toBe('completed');
    expect(performance.now() - started).toBeGreaterThan(1_000);
  });

  it('when metadata was away', async () => {
    offer();
    let left = 2;
    world.book.faults.set('metadata.commit-manifest', () => {
      left -= 1;
      if (left === 0) world.book.faults.clear();
      return new RegistryError('UNAVAILABLE', 'away');
    });
    expect(await pull()).toMatchObject({ state: 'completed', attempts: 3 });
  });
});

it('a fill that failed for good fails the pull with its reason', async () => {
  const layer = someBytes(1_000);
  offer(layer);
  upstream.script('GET', /\/blobs\//, ({ url }, response) => {
    return url.endsWith(imageManifest(layer).config.digest) ? response.writeHead(404).end() : false;
  });
  const operation = await pull();
  expect(operation).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'BLOB_UNKNOWN' } });
});

describe('a pull that runs', () => {
  const layer = someBytes(1_000_000);

  async function running() {
    upstream.script('GET', /\/blobs\//, ({ url }, response) =>
      url.endsWith(imageManifest(layer).config.digest) ? stallAfter(layer, 600_000)({} as never, response) : false,
    );
    offer(layer);
    const operation = world.book.accept({ reference: `${upstream.domain}/library/node:20` });
    const context = await start({ ENTREPOT_FETCH_STALL_MS: '60000' });
    await waitUntil('bytes', () => [...world.book.sessions.values()].some(({ length }) => length === 600_000));
    return { operation, context };
  }

  const progress = (id: string) =>
    world.bus.published
      .filter(({ subject }) => subject === `entrepot.progress.anonymous.${id}`)
      .map(({ json }) => json);

  it('says how far it is, not more often than it is told to', async () => {
    const { operation } = await running();
    const started = performance.now();
    const before = progress(operation.id).length;
    await waitUntil('ten more', () => progress(operation.id).length >= before + 10);
    expect(performance.now() - started).toBeGreaterThan(9 * 20 * 0.8);
    expect(progress(operation.id)[0]).toEqual({
      operation: operation.id,
      phase: 'resolving',
      bytesDone: 0,
      bytesTotal: 0,
      missing: 0,
    });
    expect(progress(operation.id).at(-1)).toEqual({
      operation: operation.id,
      phase: 'filling',
      bytesDone: 600_300,
      bytesTotal: 1_000_300,
      missing: 1,
    });
  });

  it('stops when its caller calls it off', async () => {
    const { operation } = await running();
    operation.isCancelled = true;
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation).toMatchObject({ state: 'cancelled', outcome: null });
    const said = progress(operation.id).length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(progress(operation.id)).toHaveLength(said);
  });

  it('is given back, uncounted, when the fetcher stops', async () => {
    const { operation, context } = await running();
    const started = performance.now();
    await context.close();
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(operation).toMatchObject({ state: 'accepted', attempts: 0 });
    const asked = world.book.asked.length;
    world.book.accept({ reference: `${upstream.domain}/library/node:20` });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(world.book.asked).toHaveLength(asked);
  });

  it('that is no longer ours stops, and is ended by nobody but its owner', async () => {
    const { operation } = await running();
    Object.assign(operation, { epoch: operation.epoch + 1, leaseUntil: performance.now() + 60_000 });
    const asked = world.book.asked.length;
    await waitUntil('a question under the old epoch', () =>
      world.book.asked.slice(asked).some((name) => /read-operation-blobs|renew-operations/.test(name)),
    );
    const said = progress(operation.id).length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(progress(operation.id)).toHaveLength(said);
    expect(operation.state).toBe('running');
    expect(world.book.asked).not.toContain('metadata.fail-operation');
  });
});

it('pulls run beside each other: one whose upstream hangs holds up nobody', async () => {
  offer();
  upstream.script('HEAD', /\/hanging\//, hang());
  world.book.accept({ reference: `${upstream.domain}/library/hanging/a:1` });
  world.book.accept({ reference: `${upstream.domain}/library/hanging/b:1` });
  expect((await pull({}, { ENTREPOT_FETCH_HEADERS_MS: '20000' })).state).toBe('completed');
});

describe('pulls that only wait for their layers', () => {
  /** So many pulls whose layers never come. */
  function acceptWaiting(count: number) {
    upstream.script('GET', /\/slow\/.*\/blobs\//, hang());
    return Array.from({ length: count }, (_, n) => {
      upstream.addManifest(`slow/a${n}`, '1', imageManifest(someBytes(200 + n)));
      return world.book.accept({ reference: `${upstream.domain}/slow/a${n}:1` });
    });
  }
  const patient = { ENTREPOT_FETCH_HEADERS_MS: '60000', ENTREPOT_FETCH_PULLS: '2' };
  const accepted = () => [...world.book.operations.values()].filter(({ state }) => state === 'accepted');

  it('hold no place of those that are worked on', async () => {
    acceptWaiting(8);
    await start(patient);
    await waitUntil('all of them wait', () => world.book.fills.size === 8);
    offer();
    const operation = world.book.accept({ reference: `${upstream.domain}/library/node:20` });
    await waitUntil('its manifest is here', () => operation.image !== null);
    expect(accepted()).toEqual([]);
  });

  it('are no more than may be held', async () => {
    const waiting = acceptWaiting(5);
    await start({ ...patient, ENTREPOT_FETCH_PULLS_HELD: '3' });
    await waitUntil('three of them wait', () => world.book.fills.size === 3);
    const looks = () => world.book.asked.filter((name) => name === 'metadata.renew-operations').length;
    const before = looks();
    await waitUntil('more looks', () => looks() > before + 3);
    expect(accepted()).toHaveLength(2);
    waiting.find(({ state }) => state === 'running')!.isCancelled = true;
    await waitUntil('the next', () => accepted().length === 1);
  });
});

describe('several pulls of one tag', () => {
  const reference = () => `${upstream.domain}/library/node:20`;

  it('share the questions that were not sent yet: two at most, and the manifest is sent once', async () => {
    const { digest } = offer();
    const all = Array.from({ length: 12 }, () => world.book.accept({ reference: reference() }));
    upstream.script(
      'HEAD',
      MANIFEST,
      (_request, response) => {
        setTimeout(() => response.writeHead(200, { 'docker-content-digest': digest }).end(), 50);
      },
      1,
    );
    await start();
    await waitUntil('all ends', () => all.every(hasEnded));
    expect(all.map(({ state }) => state)).toEqual(Array(12).fill('completed'));
    expect(upstream.count('HEAD', MANIFEST)).toBe(2);
    expect(upstream.count('GET', MANIFEST)).toBe(1);
  });

  it('learn what it names after they were asked for, never before', async () => {
    const { digest: old } = offer();
    let answer: (() => void) | undefined;
    upstream.script(
      'HEAD',
      MANIFEST,
      (_request, response) => {
        answer = () => response.writeHead(200, { 'docker-content-digest': old }).end();
      },
      1,
    );
    const first = world.book.accept({ reference: reference() });
    await start({ ENTREPOT_FETCH_HEADERS_MS: '60000' });
    await waitUntil('the question', () => answer !== undefined);
    const { digest } = offer(someBytes(10));
    const second = world.book.accept({ reference: reference() });
    await waitUntil('both run', () => second.state === 'running');
    answer?.();
    await waitUntil('both ends', () => [first, second].every(hasEnded));
    expect([first.image?.digest, second.image?.digest]).toEqual([old, digest]);
    expect(world.book.tags.get(`${repository()} 20`)?.digest).toBe(digest);
  });

  it('and one of a client, which may learn of what was so before, cost one question', async () => {
    const { digest } = offer();
    let answer: (() => void) | undefined;
    upstream.script('HEAD', MANIFEST, (_request, response) => {
      answer = () => response.writeHead(200, { 'docker-content-digest': digest }).end();
    });
    const operation = world.book.accept({ reference: reference() });
    const context = await start({ ENTREPOT_FETCH_HEADERS_MS: '60000' });
    await waitUntil('the question', () => answer !== undefined);
    const asked = performance.now();
    const question = { repository: repository(), reference: { tag: '20' } };
    const client = context.get(FetcherController).fetchManifest(FetchManifest.question.parse(question));
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer?.();
    expect(await client).toMatchObject({ digest });
    await waitUntil('the end', () => hasEnded(operation));
    expect(operation.state).toBe('completed');
    expect(upstream.count('HEAD', MANIFEST)).toBe(1);
    // It is as old as the question that was shared.
    expect(world.book.tags.get(`${repository()} 20`)!.askedAt).toBeLessThan(asked);
  });
});

it('where one child of an index fails, nothing more is done for the others once that is said', async () => {
  const [gone, slow, kept] = [1, 2, 3].map((n) => imageManifest(someBytes(n)));
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x'];
  const index = imageIndex(
    ...[gone, slow, kept].map((manifest, n) => ({ manifest: manifest!, platform: platforms[n]! })),
  );
  upstream.addManifest('library/node', '20', index);
  upstream.addManifest('library/node', null, kept!);
  const [goneDigest, slowDigest] = [gone, slow].map((manifest) => digestOfJson(manifest!));
  const waiting: (() => void)[] = [];
  const releaseSlow = new Promise<void>((resolve) => waiting.push(resolve));
  upstream.script('GET', new RegExp(slowDigest!), async (_request, response) => {
    await releaseSlow;
    response.writeHead(200, { 'content-type': slow!.mediaType }).end(JSON.stringify(slow));
  });
  // Fails while another child is on its way, and a third is being committed.
  upstream.script('GET', new RegExp(goneDigest!), (_request, response) => {
    setTimeout(() => response.writeHead(404).end(), 100);
  });
  const said: string[] = [];
  const ask = world.book.ask.bind(world.book);
  jest.spyOn(world.book, 'ask').mockImplementation(async (call, question, options) => {
    const isChild = call.name === 'metadata.commit-manifest' && world.book.manifests.size === 1;
    if (isChild) await new Promise((resolve) => setTimeout(resolve, 300));
    const answer = await ask(call, question, options);
    if (/commit-manifest|fail-operation/.test(call.name)) said.push(call.name);
    return answer;
  });
  const operation = await pull({ platforms: 'all' }, { ENTREPOT_FETCH_HEADERS_MS: '60000' });
  expect(operation).toMatchObject({ state: 'failed', error: { code: 'MANIFEST_UNKNOWN' } });
  waiting[0]!();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(said).toEqual(['metadata.commit-manifest', 'metadata.commit-manifest', 'metadata.fail-operation']);
});

it('a request that arrives is worked on at once, and one that nobody announced by the next sweep', async () => {
  offer();
  await start({ ENTREPOT_FETCH_SWEEP_MS: '600' });
  await waitUntil('a first look', () => world.book.asked.includes('metadata.claim-operations'));
  const started = performance.now();
  const announced = world.book.accept({ reference: `${upstream.domain}/library/node:20` });
  await waitUntil('the end', () => hasEnded(announced));
  expect(performance.now() - started).toBeLessThan(500);
  world.book.onFact = () => {};
  const silent = world.book.accept({ reference: `${upstream.domain}/library/node:20` });
  await waitUntil('the end', () => hasEnded(silent));
  expect(silent.state).toBe('completed');
});

it('a secret is in no log, no message, no error and no row (P12)', async () => {
  const folder = await tempFolder('upstreams');
  const path = join(folder, 'upstreams.json');
  const canary = 'canary-secret';
  const encoded = Buffer.from(`me:${canary}`).toString('base64');
  const entry = { plainHttp: true, credential: { username: 'me', password: canary } };
  await writeFile(path, JSON.stringify({ [upstream.domain]: entry }));
  const token = 'canary-token';
  upstream.script('GET', /^\/token/, reply(200, {}, JSON.stringify({ token })));
  for (const method of ['HEAD', 'GET'])
    upstream.script(
      method,
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, (sent) => sent === token),
    );
  const layer = someBytes(100);
  offer(layer);
  upstream.script('GET', new RegExp(imageManifest(layer).config.digest), reply(500), 2);
  const completed = await pull({}, { ENTREPOT_UPSTREAMS: path });
  expect(completed.state).toBe('completed');
  upstream.script('HEAD', MANIFEST, reply(401, { 'www-authenticate': 'Basic realm="x"' }));
  const failed = world.book.accept({ reference: `${upstream.domain}/library/node:20` });
  await waitUntil('the end', () => hasEnded(failed));
  expect(failed).toMatchObject({ state: 'failed', error: { code: 'UNAUTHORIZED' } });
  const said = JSON.stringify([
    world.logged,
    world.bus.published,
    [...world.book.operations.values()],
    [...world.book.fills.values()],
    [...world.book.manifests.values()].map(({ source, isPrivate }) => ({ source, isPrivate })),
  ]);
  for (const secret of [canary, token, encoded]) expect(said).not.toContain(secret);
  expect(world.logged.length).toBeGreaterThan(0);
  expect([...world.book.manifests.values()].map(({ isPrivate }) => isPrivate)).toEqual([true]);
  expect([...world.book.fills.values()][0]?.source.credential).toMatch(/^[0-9a-f]{32}$/);
  await removeFolder(folder);
});
