import { type Digest, digestOf } from '#oci/digest';
import { RegistryError } from '#oci/registry-error';
import { parseTag, type Tag } from '#oci/tag';
import { imageIndex, imageManifest, someBytes } from '#testing/image-parts';
import { cutAfter, flood, hang, reply, ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';
import { TcpServer } from '#testing/tcp-server';
import { RegistryBench } from '../fetcher.testing';

const TAG = parseTag('20');
const MANIFEST = /\/manifests\//;
const NO_DIGEST = `sha256:${'0'.repeat(64)}` as Digest;
const OCI = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };

let upstream: ScriptedUpstream;
let bench: RegistryBench;
let digest: Digest;
const image = imageManifest(someBytes(100), someBytes(200));

beforeEach(async () => {
  upstream = await ScriptedUpstream.start();
  bench = new RegistryBench();
  digest = upstream.addManifest('library/node', TAG, image);
});
afterEach(async () => {
  await bench.client.close();
  await upstream.stop();
});

const read = async (reference: Tag | Digest = TAG) =>
  bench.registry.readManifest(await bench.open(upstream.domain), reference, bench.signal);
const resolve = async () => bench.registry.resolveTag(await bench.open(upstream.domain), TAG, bench.signal);

async function failure(of: Promise<unknown>): Promise<RegistryError> {
  const error = await of.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RegistryError);
  return error as RegistryError;
}

describe('a registry that behaves', () => {
  it('says what a tag names by HEAD, and gives its manifest by tag and by digest', async () => {
    expect(await resolve()).toBe(digest);
    const fetched = await read();
    expect(fetched).toMatchObject({ digest, mediaType: image.mediaType, manifest: { kind: 'image' } });
    expect(digestOf(fetched.bytes)).toBe(digest);
    expect((await read(digest)).digest).toBe(digest);
    expect(upstream.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET', 'GET']);
  });

  it('is asked for every kind of manifest, without encoding, and told through whom the question came', async () => {
    await read();
    expect(upstream.requests[0]?.headers).toMatchObject({
      accept: expect.stringContaining('application/vnd.docker.distribution.manifest.list.v2+json'),
      'accept-encoding': 'identity',
      'entrepot-hops': '0123456789abcdef',
    });
  });

  it('is asked over the same connections again, after a HEAD too', async () => {
    for (let round = 0; round < 4; round += 1) {
      await resolve();
      await read();
      await read(digest);
    }
    expect(upstream.connections).toBeLessThanOrEqual(2);
  });

  it('may keep its digests to itself, and its media types in the manifest', async () => {
    upstream.script('HEAD', MANIFEST, reply(200));
    upstream.script('GET', MANIFEST, reply(200, { 'content-type': 'application/json' }, JSON.stringify(image)));
    expect(await resolve()).toBeUndefined();
    expect(await read()).toMatchObject({ digest, mediaType: image.mediaType });
  });

  it.each([400, 405, 501])('may know no HEAD, and answer %d', async (status) => {
    upstream.script('HEAD', MANIFEST, reply(status));
    expect(await resolve()).toBeUndefined();
  });

  it('may verify by sha512', async () => {
    const bytes = Buffer.from(JSON.stringify(image));
    const sha512 = digestOf(bytes, 'sha512');
    upstream.script('GET', MANIFEST, reply(200, { ...OCI, 'docker-content-digest': sha512 }, bytes));
    expect((await read()).digest).toBe(sha512);
    expect((await read(sha512)).digest).toBe(sha512);
  });
});

describe('a registry that says no', () => {
  it.each([
    [401, 'UNAUTHORIZED', 'has no public library/node: check the name, or give a credential for'],
    [403, 'DENIED', 'refuses library/node:20: give a credential that may read it'],
    [404, 'MANIFEST_UNKNOWN', 'has no library/node:20: check the name and the tag'],
    [418, 'UPSTREAM', 'it answered 418'],
    [500, 'UNAVAILABLE', 'it answered 500'],
    [503, 'UNAVAILABLE', 'it answered 503'],
  ])('%d becomes %s, and says what to do', async (status, code, message) => {
    upstream.script('HEAD', MANIFEST, reply(status));
    upstream.script('GET', MANIFEST, reply(status, {}, '{"errors":[]}'));
    for (const ask of [resolve, read]) {
      const error = await failure(ask());
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
      expect(error.message).toContain(upstream.domain);
    }
  });

  it.each([
    ['5', 5],
    [new Date(Date.now() + 60_000).toUTCString(), expect.closeTo(60, -1)],
    ['whenever', undefined],
  ])('429 with Retry-After %j says when to come back', async (header, seconds) => {
    upstream.script('GET', MANIFEST, reply(429, { 'retry-after': header }));
    const error = await failure(read());
    expect(error.code).toBe('TOOMANYREQUESTS');
    expect(error.retryAfterSeconds).toEqual(seconds);
  });
});

describe('a registry that is away is never taken for one that lacks what was asked', () => {
  it('refusing connections', async () => {
    const gone = await ScriptedUpstream.start();
    const { domain } = gone;
    await gone.stop();
    const error = await failure(bench.registry.resolveTag(await bench.open(domain), TAG, bench.signal));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', detail: { registry: domain, reason: 'ECONNREFUSED' } });
  });

  it('having no name', async () => {
    const error = await failure(bench.registry.resolveTag(await bench.open('nowhere.invalid'), TAG, bench.signal));
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      detail: { reason: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) },
    });
  });

  it('sending no headers', async () => {
    upstream.script('GET', MANIFEST, hang());
    expect(await failure(read())).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('no answer in time'),
    });
  });

  it('stopping in the middle of a manifest', async () => {
    upstream.script('GET', MANIFEST, stallAfter(Buffer.alloc(100), 10));
    expect(await failure(read())).toMatchObject({ code: 'UNAVAILABLE', detail: { reason: 'UND_ERR_BODY_TIMEOUT' } });
  });

  it('breaking off in the middle of a manifest', async () => {
    upstream.script('GET', MANIFEST, cutAfter(Buffer.alloc(100), 10, OCI));
    expect((await failure(read())).code).toBe('UNAVAILABLE');
  });

  it('not speaking HTTP', async () => {
    const server = await TcpServer.start((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    const domain = `127.0.0.1:${server.port}`;
    const error = await failure(bench.registry.resolveTag(await bench.open(domain), TAG, bench.signal));
    await server.stop();
    expect(error).toMatchObject({ code: 'UNAVAILABLE', detail: { reason: 'NOT_HTTP' } });
  });

  it('not speaking TLS where it should', async () => {
    const tls = new RegistryBench({ entries: { [upstream.domain]: {} } });
    const asked = tls.registry.resolveTag(await tls.open(upstream.domain), TAG, bench.signal);
    expect(await failure(asked)).toMatchObject({ code: 'UPSTREAM', message: expect.stringContaining('"plainHttp"') });
    await tls.client.close();
  });

  it('taking longer than whoever asks can wait', async () => {
    upstream.script('GET', MANIFEST, hang());
    const repository = await bench.open(upstream.domain);
    const error = await failure(bench.registry.readManifest(repository, TAG, AbortSignal.timeout(50)));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('took too long') });
    const stopped = AbortSignal.abort('draining');
    expect((await failure(bench.registry.readManifest(repository, TAG, stopped))).code).toBe('CANCELLED');
  });
});

describe('a registry that answers wrongly is told from one that is away', () => {
  it('with a web page', async () => {
    upstream.script('GET', MANIFEST, reply(200, { 'content-type': 'text/html; charset=utf-8' }, '<html>Log in</html>'));
    expect(await failure(read())).toMatchObject({
      code: 'UPSTREAM',
      message: expect.stringContaining('web page instead of a manifest'),
    });
  });

  it('with other bytes than the digest that was asked for', async () => {
    upstream.script('GET', MANIFEST, reply(200, OCI, JSON.stringify(image)));
    expect(await failure(read(NO_DIGEST))).toMatchObject({
      code: 'UPSTREAM',
      message: expect.stringContaining(`not ${NO_DIGEST} but ${digest}`),
    });
  });

  it('with other bytes than its own header says', async () => {
    upstream.script('GET', MANIFEST, reply(200, { ...OCI, 'docker-content-digest': NO_DIGEST }, JSON.stringify(image)));
    expect(await failure(read())).toMatchObject({
      code: 'UPSTREAM',
      message: expect.stringContaining(`not ${NO_DIGEST}`),
    });
  });

  it.each([
    ['no JSON', 'hello', OCI],
    [
      'another media type than it states',
      JSON.stringify(image),
      { 'content-type': 'application/vnd.oci.image.index.v1+json' },
    ],
    ['both a manifest and an index', JSON.stringify({ ...image, manifests: [] }), OCI],
  ])('with %s', async (_what, body, headers) => {
    upstream.script('GET', MANIFEST, reply(200, headers, body));
    expect((await failure(read())).code).toBe('UPSTREAM');
  });

  it('with a manifest of schema 1, for which there is a remedy', async () => {
    const schema1 = JSON.stringify({ schemaVersion: 1, name: 'a', tag: 'b', fsLayers: [] });
    for (const type of ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'application/json']) {
      upstream.script('GET', MANIFEST, reply(200, { 'content-type': type }, schema1), 1);
      expect(await failure(read())).toMatchObject({ code: 'UPSTREAM', message: expect.stringContaining('schema 1') });
    }
  });

  it.each([
    ['says its length', { 'content-length': String(100 * 1024 * 1024) }],
    ['does not say its length', {}],
  ])('with a manifest of 100 MiB that %s, which is cut and not kept', async (_what, headers) => {
    let sent = 0;
    upstream.script(
      'GET',
      MANIFEST,
      flood({ ...OCI, ...headers }, 100 * 1024 * 1024, (bytes) => (sent += bytes)),
    );
    expect(await failure(read())).toMatchObject({
      code: 'UPSTREAM',
      message: expect.stringContaining('4194304 bytes'),
    });
    expect(sent).toBeLessThan(20 * 1024 * 1024);
  });
});

describe('redirects', () => {
  it('are followed, and what they lead to is still verified', async () => {
    const storage = await ScriptedUpstream.start();
    storage.script('GET', /^\/signed/, reply(200, OCI, JSON.stringify(image)));
    upstream.script('GET', MANIFEST, reply(307, { location: `${storage.origin}/signed?x=1` }));
    expect((await read(digest)).digest).toBe(digest);
    expect((await failure(read(NO_DIGEST))).code).toBe('UPSTREAM');
    await storage.stop();
  });

  it('in a circle, and without an end, are faults', async () => {
    upstream.script('GET', MANIFEST, ({ url }, response) => response.writeHead(302, { location: url }).end(), 1);
    expect(await failure(read())).toMatchObject({ code: 'UPSTREAM', message: expect.stringContaining('circle') });
    let at = 0;
    upstream.script('GET', /./, (_request, response) => response.writeHead(302, { location: `/next/${at++}` }).end());
    expect(await failure(read())).toMatchObject({ code: 'UPSTREAM', message: expect.stringContaining('more than 5') });
    expect(at).toBe(6);
  });

  it('to a host that is away do not make an image unknown', async () => {
    const storage = await ScriptedUpstream.start();
    for (const status of [401, 403, 404]) {
      storage.script('GET', /./, reply(status), 1);
      upstream.script('GET', MANIFEST, reply(302, { location: `${storage.origin}/x` }), 1);
      expect((await failure(read())).code).toBe('UNAVAILABLE');
    }
    expect(storage.requests).toHaveLength(3);
    await storage.stop();
  });
});

it('an index is read as one', async () => {
  const index = upstream.addManifest('library/node', '21', imageIndex({ manifest: image, platform: 'linux/amd64' }));
  expect(await read(index)).toMatchObject({ digest: index, manifest: { kind: 'index' } });
});

it('a question that has come round to us is not asked again', async () => {
  const asked = bench.registry.open(bench.upstreams.find(upstream.domain), 'a/b', ['0123456789abcdef']);
  expect(await failure(asked)).toMatchObject({ code: 'UPSTREAM', message: expect.stringContaining('in turn') });
});
