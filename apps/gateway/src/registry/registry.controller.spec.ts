import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { FindBlobs, WantBlob } from '#contracts/calls/blobs';
import { FetchManifest } from '#contracts/calls/fetching';
import { FindManifests, ListTags, ReadManifest, ResolveTags } from '#contracts/calls/manifests';
import { digestOf } from '#oci/digest';
import { OCI_MANIFEST } from '#oci/media-type';
import { blobUnknown, RegistryError, unavailable } from '#oci/registry-error';
import { askRaw, sendRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

/** Each answer has its own. */
const OF_EACH = { date: '', 'x-request-id': '' };

const manifest = Buffer.from('{"schemaVersion":2, "mediaType":"application/vnd.oci.image.manifest.v1+json"}');
const digest = digestOf(manifest);
const layer = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 251));
const layerDigest = digestOf(layer);
const absent = digestOf(Buffer.from('absent'));
const object = '4f0c8a52-7b1d-4c9a-8a0e-5f3b1c2d4e6f';
const tags = Array.from({ length: 250 }, (_, at) => `t${String(at).padStart(4, '0')}`);

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway.stop());

beforeEach(() => {
  gateway.calls.asked.length = 0;
  gateway.bytes.reads.length = 0;
  gateway.calls
    .on(ResolveTags, ({ tags }) => ({
      manifests: tags.map(({ tag }) =>
        tag === 'latest' ? { digest, mediaType: OCI_MANIFEST, size: manifest.length, ageMs: null } : null,
      ),
    }))
    .on(ReadManifest, (asked) =>
      asked.digest === digest ? { found: true, mediaType: OCI_MANIFEST, bytes: manifest } : { found: false },
    )
    .on(FindManifests, ({ manifests }) => ({
      manifests: manifests.map((asked) =>
        asked.digest === digest ? { mediaType: OCI_MANIFEST, size: manifest.length } : null,
      ),
    }))
    .on(FindBlobs, ({ blobs }) => ({
      blobs: blobs.map((blob) => (blob.digest === layerDigest ? { object, size: layer.length } : null)),
    }))
    .on(ListTags, ({ repository, after = '', limit }) => {
      const rest = tags.filter((tag) => tag > after);
      return { found: repository === 'team/app', tags: rest.slice(0, limit), more: rest.length > limit };
    });
  gateway.bytes.put(object, layer);
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  askRaw(gateway.port, path, { headers, method });
const getBlob = (headers: Record<string, string> = {}, method = 'GET') =>
  get(`/v2/team/app/blobs/${layerDigest}`, headers, method);
const errorsOf = (text: string) => JSON.parse(text).errors as { code: string; message: string; detail?: unknown }[];

describe('the API itself', () => {
  test.each(['/v2/', '/v2'])('%s says which API this is', async (path) => {
    const { status, headers } = await get(path);
    expect({ status, version: headers['docker-distribution-api-version'] }).toEqual({
      status: 200,
      version: 'registry/2.0',
    });
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    '%s is refused as not supported, and says that pushing is not',
    async (method) => {
      const { status, headers, text } = await askRaw(gateway.port, '/v2/team/app/blobs/uploads/', {
        method,
        ...(method === 'DELETE' ? {} : { body: 'x' }),
      });
      expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD, OPTIONS' });
      expect(errorsOf(text)[0]).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringContaining('pushed to') });
    },
  );

  test('OPTIONS says what may be asked', async () => {
    const { status, headers } = await get('/v2/team/app/tags/list', {}, 'OPTIONS');
    expect({ status, allow: headers.allow }).toEqual({ status: 204, allow: 'GET, HEAD, OPTIONS' });
  });

  test('an unknown referrers API is 404, so that clients fall back to tags', async () => {
    expect((await get(`/v2/team/app/referrers/${digest}`)).status).toBe(404);
  });

  test.each([
    ['/v2/%zz/tags/list', 400, 'INVALID'],
    ['/v2/App/tags/list', 400, 'NAME_INVALID'],
    ['/v2/../../etc/passwd', 404, 'NOT_FOUND'],
    ['/v2/a/blobs/sha256:1', 400, 'DIGEST_INVALID'],
    ['/v2/_catalog', 404, 'NOT_FOUND'],
    ['/%762/team/app/tags/list', 404, 'NOT_FOUND'],
  ])('%s is answered %s %s in the body that the specification has', async (path, status, code) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(errorsOf(answer.text)[0]).toMatchObject({ code, message: expect.any(String) });
  });

  test('no path at all is answered by a fault of ours', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'v2',
        'team',
        'blobs',
        'manifests',
        'tags',
        'list',
        'uploads',
        'referrers',
        '',
        '..',
        '%',
        '%2F',
        '%00',
        digest,
      ),
      fc.string({ unit: 'binary' }).map(encodeURIComponent),
      fc.string().map((text) => text.replace(/[^\x21-\x7e]/g, '')),
    );
    const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND');
    const path = fc.array(piece, { maxLength: 7 }).map((pieces) => `/${pieces.join('/')}`);
    const header = fc.string().map((text) => text.replace(/[^\x20-\x7e]/g, ''));
    await fc.assert(
      fc.asyncProperty(method, path, header, async (verb, target, value) => {
        const headers = { Range: value, 'If-None-Match': value, Accept: value, 'If-Range': value };
        expect((await askRaw(gateway.port, target, { method: verb, headers })).status).toBeLessThan(500);
        expect((await askRaw(gateway.port, `/v2${target}`, { method: verb, headers })).status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });
});

describe('manifests', () => {
  test.each(['latest', digest])('are answered byte for byte, by %s', async (reference) => {
    const answer = await get(`/v2/team/app/manifests/${reference}`);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(manifest)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': OCI_MANIFEST,
      'docker-content-digest': digest,
      etag: `"${digest}"`,
      'content-length': String(manifest.length),
    });
  });

  test.each(['latest', digest])('HEAD has the headers of GET, by %s', async (reference) => {
    const [head, whole] = [
      await get(`/v2/team/app/manifests/${reference}`, {}, 'HEAD'),
      await get(`/v2/team/app/manifests/${reference}`),
    ];
    expect({ ...head.headers, ...OF_EACH }).toEqual({ ...whole.headers, ...OF_EACH });
    expect(head.body).toHaveLength(0);
  });

  test.each(['*/*', 'application/json', 'text/html', 'application/vnd.oci.image.index.v1+json', ''])(
    'are answered as they are stored, whatever is accepted: %s',
    async (accept) => {
      const { status, headers } = await get('/v2/team/app/manifests/latest', { Accept: accept });
      expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: OCI_MANIFEST });
    },
  );

  test.each([`"${digest}"`, `W/"${digest}"`, `"other", "${digest}"`, '*'])(
    'a client that holds it is told so: %s',
    async (etags) => {
      const answer = await get('/v2/team/app/manifests/latest', { 'If-None-Match': etags });
      expect(answer).toMatchObject({ status: 304, headers: { etag: `"${digest}"`, 'docker-content-digest': digest } });
      expect(answer.body).toHaveLength(0);
    },
  );

  test.each([`"${absent}"`, digest, '', '"'])('another entity tag brings it: %s', async (etags) => {
    expect((await get('/v2/team/app/manifests/latest', { 'If-None-Match': etags })).status).toBe(200);
  });

  test.each([
    [`"${digest}"`, 200],
    ['*', 200],
    [`"${absent}", "${digest}"`, 200],
    [`"${absent}"`, 412],
    [`W/"${digest}"`, 412],
    ['', 412],
  ])('If-Match %s is answered %s', async (etags, status) => {
    expect((await get('/v2/team/app/manifests/latest', { 'If-Match': etags })).status).toBe(status);
    expect((await getBlob({ 'If-Match': etags.replaceAll(digest, layerDigest) })).status).toBe(status);
  });

  test.each(['nothing', absent])(
    "a local repository's unknown %s is 404, and no upstream is asked",
    async (reference) => {
      const { status, text } = await get(`/v2/team/app/manifests/${reference}`);
      expect({ status, code: errorsOf(text)[0]?.code }).toEqual({ status: 404, code: 'MANIFEST_UNKNOWN' });
      expect(gateway.calls.questions(FetchManifest)).toEqual([]);
    },
  );

  test('metadata that is away is 503 with a time to come back, never 404', async () => {
    gateway.calls.on(ResolveTags, () => {
      throw unavailable('the database', 7);
    });
    const { status, headers, text } = await get('/v2/team/app/manifests/latest');
    expect({ status, after: headers['retry-after'], code: errorsOf(text)[0]?.code }).toEqual({
      status: 503,
      after: '7',
      code: 'UNAVAILABLE',
    });
  });

  test('a fault of ours says nothing of itself', async () => {
    gateway.calls.on(ResolveTags, () => {
      throw new Error('password=hunter2 at /var/lib');
    });
    const { status, text } = await get('/v2/team/app/manifests/latest');
    expect(status).toBe(500);
    expect(text).not.toContain('hunter2');
  });

  test.each([
    ['TOOMANYREQUESTS', 429, '60'],
    ['TIMEOUT', 504, '5'],
    ['UPSTREAM', 502, undefined],
    ['DENIED', 403, undefined],
    ['UNAUTHORIZED', 403, undefined],
  ] as const)("an upstream's %s is %s", async (code, status, retryAfter) => {
    gateway.calls.on(FetchManifest, () => {
      throw new RegistryError(code, 'said the upstream');
    });
    const answer = await get('/v2/quay.io/team/app/manifests/nothing');
    expect({ status: answer.status, retryAfter: answer.headers['retry-after'] }).toEqual({ status, retryAfter });
  });
});

describe('blobs', () => {
  test('are answered whole', async () => {
    const answer = await getBlob();
    expect(answer.status).toBe(200);
    expect(answer.body.equals(layer)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '5000',
      'accept-ranges': 'bytes',
      'docker-content-digest': layerDigest,
      etag: `"${layerDigest}"`,
    });
  });

  test('HEAD has the headers of GET, and reads nothing', async () => {
    const [head, whole] = [await getBlob({}, 'HEAD'), await getBlob()];
    expect({ ...head.headers, ...OF_EACH }).toEqual({ ...whole.headers, ...OF_EACH });
    expect(gateway.bytes.reads).toHaveLength(1);
  });

  test.each([
    ['bytes=500-1499', 500, 1499],
    ['bytes=500-', 500, 4999],
    ['bytes=-500', 4500, 4999],
    ['bytes=2000-5000', 2000, 4999],
    ['bytes=0-0', 0, 0],
    ['bytes=-9999', 0, 4999],
    ['bytes=0-99999999999999999999', 0, 4999],
  ])('%s is answered by exactly that part', async (range, start, end) => {
    const answer = await getBlob({ Range: range });
    expect(answer).toMatchObject({
      status: 206,
      headers: { 'content-range': `bytes ${start}-${end}/5000`, 'content-length': String(end - start + 1) },
    });
    expect(answer.body.equals(layer.subarray(start, end + 1))).toBe(true);
    expect(gateway.bytes.reads[0]?.options.stretch).toEqual({ start, end: end + 1 });
  });

  test.each(['bytes=500-0', 'bytes=5000-', 'bytes=6000-7000', 'bytes=-0'])(
    '%s cannot be: 416 says the size',
    async (range) => {
      const answer = await getBlob({ Range: range });
      expect(answer).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */5000' } });
      expect(gateway.bytes.reads).toHaveLength(0);
    },
  );

  test.each(['bytes=0-1,3-4', 'lines=1-2', 'bytes=a-b', 'bytes', ''])(
    '%s is no range that is answered: the whole comes',
    async (range) => {
      const answer = await getBlob({ Range: range });
      expect(answer.status).toBe(200);
      expect(answer.body).toHaveLength(5000);
    },
  );

  test.each([
    [`"${layerDigest}"`, 206],
    [`"${absent}"`, 200],
    [`W/"${layerDigest}"`, 200],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 200],
  ])('If-Range %s is answered %s', async (condition, status) => {
    expect((await getBlob({ Range: 'bytes=0-9', 'If-Range': condition })).status).toBe(status);
  });

  test('a client that holds it is told so, and nothing is read or filled for it', async () => {
    const answer = await getBlob({ 'If-None-Match': `"${layerDigest}"` });
    expect(answer.status).toBe(304);
    expect(gateway.bytes.reads).toHaveLength(0);
  });

  test('what a local repository has no right to is 404, and nothing is wanted', async () => {
    const { status, text } = await get(`/v2/team/app/blobs/${absent}`);
    expect({ status, code: errorsOf(text)[0]?.code }).toEqual({ status: 404, code: 'BLOB_UNKNOWN' });
    expect(gateway.calls.questions(WantBlob)).toEqual([]);
  });

  test("what no manifest of an upstream's repository lists is 404", async () => {
    gateway.calls.on(WantBlob, ({ digest: wanted }) => {
      throw blobUnknown(wanted);
    });
    expect((await get(`/v2/quay.io/team/app/blobs/${absent}`)).status).toBe(404);
  });
});

describe('a blob that still comes', () => {
  const coming = '11111111-7b1d-4c9a-8a0e-5f3b1c2d4e6f';
  let source: PassThrough;

  beforeEach(() => {
    source = new PassThrough();
    gateway.bytes.objects.set(coming, { size: layer.length, verified: false, open: () => source });
    gateway.calls.on(WantBlob, ({ fill }) => ({
      size: layer.length,
      mediaType: 'x/y',
      ...(fill ? { object: coming } : {}),
    }));
  });
  const path = `/v2/quay.io/team/app/blobs/${absent}`;

  async function open(head = '') {
    const socket = connect(gateway.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`);
    const until = async (has: () => boolean) => {
      while (!has()) await once(socket, 'data');
    };
    return { socket, until, text: () => text, body: () => text.slice(text.indexOf('\r\n\r\n') + 4) };
  }

  test('HEAD says its size, and begins nothing', async () => {
    const { status, headers } = await get(path, {}, 'HEAD');
    expect({ status, size: headers['content-length'] }).toEqual({ status: 200, size: '5000' });
    expect(gateway.calls.questions(WantBlob)).toMatchObject([{ fill: false }]);
  });

  test('its headers come before its first byte, and its bytes as they come', async () => {
    const client = await open();
    await client.until(() => client.text().includes('\r\n\r\n'));
    expect(client.text()).toContain('Content-Length: 5000');
    source.write(layer.subarray(0, 100));
    await client.until(() => client.body().length === 100);
    source.end(layer.subarray(100));
    await client.until(() => client.body().length === 5000);
    client.socket.destroy();
  });

  test('a part of it says that it is not yet verified', async () => {
    source.end(layer.subarray(0, 10));
    const { status, headers } = await get(path, { Range: 'bytes=0-9' });
    expect({ status, keep: headers['cache-control'] }).toEqual({ status: 206, keep: 'no-store' });
    expect(headers.warning).toContain('not yet verified');
  });

  test('a client that hangs up ends the reading', async () => {
    const client = await open();
    source.write(layer.subarray(0, 100));
    await client.until(() => client.body().length === 100);
    client.socket.destroy();
    await once(source, 'close');
    expect(source.destroyed).toBe(true);
  });

  test('a client that hangs up before the first byte ends the reading too', async () => {
    const client = await open();
    await client.until(() => client.text().includes('\r\n\r\n'));
    client.socket.destroy();
    await once(source, 'close');
    expect(gateway.bytes.reads[0]?.options.signal?.aborted).toBe(true);
  });

  test.each([
    ['fails', () => source.destroy(new Error('the upstream lied'))],
    ['ends too early', () => source.end()],
    ['has more than was promised', () => source.end(layer)],
  ])('a source that %s cuts the connection: nothing short or wrong is completed', async (_what, end) => {
    const client = await open();
    source.write(layer.subarray(0, 100));
    await client.until(() => client.body().length === 100);
    const closed = once(client.socket, 'close');
    end();
    await closed;
    expect(client.body().length).toBeLessThan(5000);
  });

  test('a connection whose answer was cut is used for nothing more', async () => {
    source.end(layer.subarray(0, 100));
    const pipelined = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const text = await sendRaw(gateway.port, pipelined);
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe('tags', () => {
  const list = async (query = '') => {
    const { status, headers, text } = await get(`/v2/team/app/tags/list${query}`);
    return { status, link: headers.link, body: JSON.parse(text) };
  };

  test('come in pages that link to the next, until none is left', async () => {
    const seen: string[] = [];
    let path = '/v2/team/app/tags/list?n=90';
    for (let pages = 0; pages < 5 && path !== ''; pages++) {
      const { headers, text } = await get(path);
      seen.push(...JSON.parse(text).tags);
      path = /^<(.+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1] ?? '';
    }
    expect(seen).toEqual(tags);
  });

  test('n=0 is an empty page without a link', async () => {
    expect(await list('?n=0')).toEqual({ status: 200, link: undefined, body: { name: 'team/app', tags: [] } });
  });

  test.each(['1001', '1000000000', '9223372036854775808', '9'.repeat(400)])('n=%s is the largest page', async (n) => {
    expect((await list(`?n=${n}`)).status).toBe(200);
    expect(gateway.calls.questions(ListTags)).toMatchObject([{ limit: 1000 }]);
  });

  test.each(['-1', 'abc', '1.5', '1e3', '', '%00', '0x10'])('n=%s is refused by name', async (n) => {
    const { status, body } = await list(`?n=${n}`);
    expect({ status, detail: body.errors[0].detail }).toMatchObject({ status: 400, detail: { field: 'n' } });
  });

  test.each(['n=2&n=3', 'last=t1&last=t2'])('%s: two readers would take different ones', async (query) => {
    expect((await list(`?${query}`)).status).toBe(400);
  });

  test('last names a place in the order, whether or not there is such a tag', async () => {
    expect((await list('?n=2&last=t0003')).body.tags).toEqual(['t0004', 't0005']);
    expect((await list('?n=2&last=t0003x')).body.tags).toEqual(['t0004', 't0005']);
    expect((await list('?last=t0249')).body.tags).toEqual([]);
  });

  test.each(['a/b', '..', '%00', 'x'.repeat(129)])('last=%s is refused by name', async (last) => {
    const { status, body } = await list(`?last=${last}`);
    expect({ status, detail: body.errors[0].detail }).toMatchObject({ status: 400, detail: { field: 'last' } });
  });

  test('a repository that is not here is 404', async () => {
    const { status, text } = await get('/v2/other/app/tags/list');
    expect({ status, code: errorsOf(text)[0]?.code }).toEqual({ status: 404, code: 'NAME_UNKNOWN' });
  });

  test('of an upstream by ?ns=, under the name that was asked, and so are its pages', async () => {
    gateway.calls.on(ListTags, () => ({ found: true, tags: ['a'], more: true }));
    const { headers, text } = await get('/v2/library/node/tags/list?ns=docker.io&n=1');
    expect(JSON.parse(text)).toEqual({ name: 'library/node', tags: ['a'] });
    expect(headers.link).toBe('</v2/library/node/tags/list?ns=docker.io&n=1&last=a>; rel="next"');
    expect(gateway.calls.questions(ListTags)).toMatchObject([{ repository: 'docker.io/library/node' }]);
  });
});

describe('a blob that storage gives out itself', () => {
  const location = 'https://s3.example.com/entrepot/objects/one?X-Amz-Signature=abc';

  beforeEach(() => gateway.bytes.locations.set(object, location));
  afterEach(() => gateway.bytes.locations.clear());

  test.each([{}, { range: 'bytes=10-19' }])('is a redirect that nobody keeps, with %j too', async (headers) => {
    const { status, headers: said, text } = await getBlob(headers as Record<string, string>);
    expect([status, text]).toEqual([307, '']);
    expect(said).toMatchObject({
      location,
      'cache-control': 'no-store',
      'content-length': '0',
      'docker-content-digest': layerDigest,
    });
    expect(said).not.toHaveProperty('content-range');
  });

  test('HEAD says what it is and sends nobody away', async () => {
    const { status, headers } = await getBlob({}, 'HEAD');
    expect([status, headers.location, headers['content-length']]).toEqual([200, undefined, String(layer.length)]);
  });

  test('whoever has no right to it is told nothing of where it is', async () => {
    const { status, headers, text } = await get(`/v2/team/app/blobs/${absent}`);
    expect([status, headers.location, text.includes('s3.example')]).toEqual([404, undefined, false]);
    expect(gateway.bytes.reads).toEqual([]);
  });

  test('a range outside it is refused here', async () => {
    expect((await getBlob({ range: 'bytes=99999-' })).status).toBe(416);
  });

  test.each([
    { 'if-match': `"${layerDigest}"` },
    { 'if-none-match': '"other"' },
    { range: 'bytes=0-9', 'if-range': `"${layerDigest}"` },
  ])('conditions are not carried to where other entity tags are known: %j', async (headers) => {
    const { status, headers: said } = await getBlob(headers as Record<string, string>);
    expect([status === 200 || status === 206, said.location]).toEqual([true, undefined]);
  });

  test('a login that the client would take along to another port of this host keeps the bytes here', async () => {
    gateway.bytes.locations.set(object, 'http://127.0.0.1:9000/entrepot/objects/one?X-Amz-Signature=abc');
    const authorization = 'Basic YTpi';
    expect((await getBlob({ authorization })).status).toBe(200);
    expect((await getBlob()).status).toBe(307);
    gateway.bytes.locations.set(object, location);
    expect((await getBlob({ authorization })).status).toBe(307);
  });

  test('a gateway whose clients cannot reach storage sends the bytes', async () => {
    const inside = await TestGateway.start({ ENTREPOT_REDIRECT: 'off' });
    inside.calls.on(FindBlobs, () => ({ blobs: [{ object, size: layer.length }] }));
    inside.bytes.put(object, layer);
    inside.bytes.locations.set(object, location);
    const { status, headers } = await askRaw(inside.port, `/v2/team/app/blobs/${layerDigest}`);
    expect([status, headers.location, headers['content-length']]).toEqual([200, undefined, String(layer.length)]);
    await inside.stop();
  });
});
