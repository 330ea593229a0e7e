import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { FindBlobs } from '#contracts/calls/blobs';
import { ListTags } from '#contracts/calls/manifests';
import { AcceptOperation } from '#contracts/calls/operations';
import { digestOf } from '#oci/digest';
import { askRaw, sendRaw } from '#testing/raw-http';
import { TestGateway } from './gateway.testing';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({
    ENTREPOT_HOSTS: 'warehouse.lan:5050',
    ENTREPOT_HEADER_TIMEOUT_MS: '300',
    ENTREPOT_BODY_TIMEOUT_MS: '300',
  });
  gateway.calls.on(ListTags, () => ({ found: true, tags: [], more: false }));
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.calls.asked.length = 0;
});

const OBJECT = '4f0c8a52-7b1d-4c9a-8a0e-5f3b1c2d4e6f';
const tagsPath = '/v2/a/tags/list';
const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
  askRaw(gateway.port, '/api/v1/operations', {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

describe('who may ask', () => {
  test.each(['localhost', 'localhost:5050', '127.0.0.1', '192.168.7.7:80', '[::1]:5050', 'warehouse.lan'])(
    '%s is ours',
    async (Host) => {
      expect((await askRaw(gateway.port, tagsPath, { headers: { Host } })).status).toBe(200);
    },
  );

  test.each([tagsPath, '/api/v1/operations', '/livez', '/nothing'])(
    'an unknown host is told that it is not: %s',
    async (path) => {
      const { status, text } = await askRaw(gateway.port, path, { headers: { Host: 'evil.example' } });
      expect(status).toBe(421);
      expect(text).toContain('ENTREPOT_HOSTS');
      expect(gateway.calls.asked).toEqual([]);
    },
  );

  test.each(['http://evil.example', 'null', 'http://localhost:1'])('a page from %s is refused', async (Origin) => {
    const { status, text } = await askRaw(gateway.port, tagsPath, { headers: { Host: 'localhost:5050', Origin } });
    expect(status).toBe(403);
    expect(JSON.parse(text).errors[0].code).toBe('DENIED');
    expect(gateway.calls.asked).toEqual([]);
  });

  const asBrowser = (Site: string, Mode = 'no-cors', Dest = 'image') => ({
    Host: 'localhost:5050',
    'Sec-Fetch-Site': Site,
    'Sec-Fetch-Mode': Mode,
    'Sec-Fetch-Dest': Dest,
  });

  test.each(['cross-site', 'same-site', 'Cross-Site', 'none, cross-site', ''])(
    'an image on a page, which says no origin, is refused: Sec-Fetch-Site "%s"',
    async (site) => {
      for (const path of [tagsPath, '/api/v1/operations', '/api/openapi.json', '/livez', '/nothing']) {
        const { status, text } = await askRaw(gateway.port, path, { headers: asBrowser(site) });
        expect({ path, status, text }).toMatchObject({ status: 403, text: expect.stringContaining('"DENIED"') });
      }
      expect(gateway.calls.asked).toEqual([]);
    },
  );

  test.each(['none', 'same-origin'])('what no other site made is answered: Sec-Fetch-Site "%s"', async (site) => {
    expect((await askRaw(gateway.port, tagsPath, { headers: asBrowser(site) })).status).toBe(200);
  });

  test.each([
    ['GET', '/api', 'navigate', 'document', 200],
    ['GET', '/api/?deep#link', 'navigate', 'document', 200],
    ['GET', '/api', 'navigate', 'iframe', 403],
    ['GET', '/api', 'no-cors', 'document', 403],
    ['POST', '/api', 'navigate', 'document', 403],
    ['GET', '/api/openapi.json', 'navigate', 'document', 403],
    ['GET', '/api/v1/operations', 'navigate', 'document', 403],
    ['GET', '/api/../v2/a/tags/list', 'navigate', 'document', 403],
    ['GET', tagsPath, 'navigate', 'document', 403],
  ])(
    'a link from elsewhere leads to the page and to nothing else: %s %s, %s, %s',
    async (method, path, mode, dest, status) => {
      const headers = asBrowser('cross-site', mode, dest);
      expect((await askRaw(gateway.port, path, { method, headers })).status).toBe(status);
      expect(gateway.calls.asked).toEqual([]);
    },
  );

  const absolute = async (target: string, headers = 'Host: localhost') =>
    statusOf(await sendRaw(gateway.port, `GET ${target} HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`));

  test.each([
    'http://evil.example/v2/a/tags/list',
    'https://evil.example:5050/v2/a/tags/list',
    'http://localhost@evil.example/v2/a/tags/list',
    'http://evil.example@localhost/v2/a/tags/list',
    'http://localhost.evil.example/v2/a/tags/list',
  ])('a target that names another host is told so, whatever Host says: %s', async (target) => {
    expect(await absolute(target)).toBe(421);
    expect(gateway.calls.asked).toEqual([]);
  });

  test('a target that names us does not hide a Host that does not', async () => {
    expect(await absolute(`http://localhost${tagsPath}`, 'Host: evil.example')).toBe(421);
    expect(gateway.calls.asked).toEqual([]);
  });

  test.each(['http://localhost:5050', 'https://127.0.0.1', 'http://[::1]:5050', 'http://warehouse.lan'])(
    'a target that names us is answered: %s',
    async (own) => {
      expect(await absolute(own + tagsPath)).toBe(200);
      expect(await absolute(own + tagsPath, `Host: localhost\r\nOrigin: ${own}`)).toBe(200);
      expect(await absolute(own + tagsPath, 'Host: localhost\r\nOrigin: http://localhost')).toBe(403);
    },
  );

  test.each([
    ['ftp://localhost/v2/', 400],
    ['HTTP://localhost/v2/', 400],
    ['http://localhost', 400],
    // The router takes it for `/`, and the framework finds nothing there.
    ['http://localhost?/v2/', 404],
    ['http://localhost?a', 400],
    ['http:///v2/', 400],
    ['v2/', 400],
  ])('a target that is neither a path nor a URL of ours is refused: %s', async (target, status) => {
    expect(await absolute(target)).toBe(status);
    expect(gateway.calls.asked).toEqual([]);
  });

  test('our own page may ask', async () => {
    const headers = { Host: 'localhost:5050', Origin: 'http://localhost:5050' };
    expect((await askRaw(gateway.port, tagsPath, { headers })).status).toBe(200);
  });

  test('no answer lets another origin read it', async () => {
    const { headers } = await askRaw(gateway.port, tagsPath, { method: 'OPTIONS' });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('what is not read', () => {
  test('headers larger than 16 KiB', async () => {
    const answer = await sendRaw(
      gateway.port,
      `GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(64 * 1024)}\r\n\r\n`,
    );
    expect(statusOf(answer)).toBe(431);
  });

  test('headers that never end', async () => {
    const answer = await sendRaw(gateway.port, 'GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: ');
    expect(statusOf(answer)).toBe(408);
  });

  test.each([
    ['no HTTP', '\x16\x03\x01 hello\r\n\r\n'],
    [
      'a length and chunks at once',
      'POST /api/v1/operations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'two lengths',
      'POST /api/v1/operations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd',
    ],
    ['no host', 'GET /v2/ HTTP/1.1\r\n\r\n'],
    ['two hosts', `GET ${tagsPath} HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\nConnection: close\r\n\r\n`],
    ['a method there is not', `FETCH ${tagsPath} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ['a NUL in a header', 'GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n'],
    ['a path with a space', 'GET /v2/a b/tags/list HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ])('%s', async (_what, bytes) => {
    expect(statusOf(await sendRaw(gateway.port, bytes))).toBe(400);
    expect(gateway.calls.asked).toEqual([]);
  });

  test('a body over 1 MiB, and it is not waited for', async () => {
    const { status, text } = await post(JSON.stringify({ kind: 'pull', reference: 'x'.repeat(2 ** 20) }));
    const { code, detail } = JSON.parse(text);
    expect({ status, code, detail }).toEqual({
      status: 413,
      code: 'SIZE_INVALID',
      detail: 'the body may have at most 1048576 bytes',
    });
  });

  test('a body over 1 MiB in chunks', async () => {
    const head =
      'POST /api/v1/operations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    expect(statusOf(await sendRaw(gateway.port, head + chunk.repeat(20)))).toBe(413);
  });

  test.each(['POST /api/v1/operations', 'DELETE /api/v1/images', 'PUT /v2/a/manifests/1'])(
    'a body that comes too slowly: %s',
    async (asked) => {
      const headers = 'Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 100';
      const answer = await sendRaw(gateway.port, `${asked} HTTP/1.1\r\n${headers}\r\n\r\n{"kind"`);
      expect(statusOf(answer)).toBe(408);
      expect(answer).toContain(asked.includes('/v2/') ? '{"errors":[{"code":"TIMEOUT"' : '"code":"TIMEOUT"');
      expect(gateway.calls.asked).toEqual([]);
    },
  );

  test('but an answer may take longer than a body, whatever its request says of a type', async () => {
    const bytes = new PassThrough();
    const digest = digestOf(Buffer.from('slow'));
    gateway.calls.on(FindBlobs, () => ({ blobs: [{ object: OBJECT, size: 4 }] }));
    gateway.bytes.objects.set(OBJECT, { size: 4, verified: true, open: () => bytes });
    const headers = { 'Content-Type': 'application/json' };
    const download = askRaw(gateway.port, `/v2/a/blobs/${digest}`, { headers });
    bytes.write('sl');
    setTimeout(() => bytes.end('ow'), 500);
    expect((await download).text).toBe('slow');
    gateway.calls.on(FindBlobs, () => ({ blobs: [null] }));
  });

  test.each([
    ['a key twice', '{"kind":"pull","reference":"a","reference":"b"}', 'twice'],
    ['depth', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'deeper'],
    ['no JSON', '{kind: pull}', 'JSON'],
    ['nothing', '', 'JSON'],
    ['a byte order mark', '\ufeff{"kind":"pull","reference":"a"}', 'JSON'],
  ])('JSON with %s', async (_what, body, rule) => {
    const { status, headers, text } = await post(body);
    expect({ status, type: headers['content-type'] }).toEqual({ status: 400, type: 'application/problem+json' });
    expect(JSON.parse(text)).toMatchObject({ code: 'INVALID', field: 'body', rule: expect.stringContaining(rule) });
    expect(gateway.calls.questions(AcceptOperation)).toEqual([]);
  });

  test('JSON that is no UTF-8', async () => {
    const { status, text } = await post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
    expect({ status, rule: JSON.parse(text).rule }).toEqual({ status: 400, rule: 'must be JSON in UTF-8' });
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json+x',
  ])('a body of type %s', async (type) => {
    const { status } = await post('{"kind":"pull","reference":"a"}', { 'Content-Type': type });
    expect(status).toBe(415);
  });
});

test('what is no path here is a problem', async () => {
  const { status, headers, text } = await askRaw(gateway.port, '/nothing/here?x=1');
  expect({ status, type: headers['content-type'] }).toEqual({ status: 404, type: 'application/problem+json' });
  expect(JSON.parse(text)).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404, code: 'NOT_FOUND' });
});

test('a digest longer than other routers allow, and every reference under the header limit, is read', async () => {
  expect((await askRaw(gateway.port, `/v2/a/blobs/sha512:${'a'.repeat(128)}`)).status).not.toBe(414);
  expect((await askRaw(gateway.port, `/v2/${'a/'.repeat(5000)}tags/list`)).status).toBe(400);
});

test('requests that are sent together are answered in their order', async () => {
  const one = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
  const answer = await sendRaw(gateway.port, one('/v2/') + one('/nothing') + one('/livez', 'Connection: close\r\n'));
  expect([...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)).toEqual(['200', '404', '200']);
});

describe('an end', () => {
  const digest = digestOf(Buffer.from('a blob'));

  async function startDownload(drainMs: string) {
    const ending = await TestGateway.start({ ENTREPOT_DRAIN_MS: drainMs });
    const bytes = new PassThrough();
    ending.calls.on(FindBlobs, () => ({ blobs: [{ object: OBJECT, size: 20 }] }));
    ending.bytes.objects.set(OBJECT, { size: 20, verified: true, open: () => bytes });
    const download = askRaw(ending.port, `/v2/a/blobs/${digest}`);
    download.catch(() => {});
    while (ending.bytes.reads.length === 0) await new Promise(setImmediate);
    bytes.write('0123456789');
    return { ending, bytes, download };
  }

  test('lets an answer that is under way finish, and waits for no idle connection', async () => {
    const { ending, bytes, download } = await startDownload('30000');
    const idle = connect(ending.port, '127.0.0.1');
    idle.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(idle, 'data');
    const stopped = ending.stop();
    await once(idle, 'close');
    bytes.end('0123456789');
    expect((await download).body).toHaveLength(20);
    await stopped;
  });

  test('cuts off what takes too long', async () => {
    const { ending, download } = await startDownload('50');
    await ending.stop();
    await expect(download).rejects.toThrow();
  });
});
