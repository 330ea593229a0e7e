import { randomBytes, randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { Extent } from '#contracts/calls/sessions';
import { describeWithPeers } from '#testing/peers';
import { KIB } from '../replica.testing';
import { answerError, FaultProxy, type Passing } from './fault-proxy.testing';
import { MinioDriver } from './minio.driver';
import { MinioServer } from './minio-server.testing';
import type { S3Settings } from './s3.client';

const never = new AbortController().signal;
const object = randomUUID();

describeWithPeers('what a store does wrong costs nothing but time', ['minio'], () => {
  let server: MinioServer;
  let proxy: FaultProxy;
  let driver: MinioDriver;
  let bucket: string;
  let bytes: Buffer;
  let extent: Extent;

  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    proxy = await FaultProxy.start(server.endpoint);
    bucket = `spec-${randomUUID()}`;
    driver = new MinioDriver({ ...server.settings(bucket, proxy.endpoint), timeoutMs: 500 });
    await driver.open();
    bytes = randomBytes(300 * KIB);
    extent = await write();
    proxy.seen.length = 0;
  });
  afterEach(async () => {
    await driver.close();
    await proxy.stop();
    jest.restoreAllMocks();
  });

  async function write(): Promise<Extent> {
    return { offset: 0, length: bytes.length, key: await driver.write(object, 0, [bytes], never) };
  }

  async function read(): Promise<Buffer> {
    const source = driver.read(object, [extent], { start: 0, end: bytes.length });
    const parts: Buffer[] = [];
    for (let chunk = await source.next(); chunk; chunk = await source.next()) parts.push(chunk);
    await source.close();
    return Buffer.concat(parts);
  }

  const asked = (method: string) => proxy.seen.filter((line) => line.startsWith(`${method} `)).length;

  test.each<[string, (passing: Passing) => void]>([
    [
      'a length that is too short',
      ({ response }) => void response.writeHead(206, { 'content-length': 10 }).end('x'.repeat(10)),
    ],
    [
      'a length that is too long',
      ({ response }) => void response.writeHead(206, { 'content-length': 999_999 }).write('x'),
    ],
    ['nothing', ({ response }) => void response.writeHead(206, { 'content-length': 0 }).end()],
    ['that the key is not there', ({ response }) => answerError(response, 404, 'NoSuchKey')],
    ['that the key is shorter', ({ response }) => answerError(response, 416, 'InvalidRange')],
  ])('a GET that is once answered %s is no loss: the key itself is asked', async (_what, fault) => {
    proxy.next('GET', fault);
    expect((await read()).equals(bytes)).toBe(true);
    expect([asked('GET'), asked('HEAD')]).toEqual([2, 1]);
  });

  test('a wrong answer that lasts is a store that is away, not bytes that are lost', async () => {
    for (let times = 0; times < 4; times += 1)
      proxy.next('GET', ({ response }) => answerError(response, 404, 'NoSuchKey'));
    await expect(read()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('bytes are lost where the key itself is not there, or shorter', async () => {
    await server.client().removeObject(bucket, extent.key!);
    await expect(read()).rejects.toMatchObject({ name: 'MissingBytes' });
    await server.client().putObject(bucket, extent.key!, bytes.subarray(1));
    await expect(read()).rejects.toMatchObject({ name: 'MissingBytes' });
  });

  test('a first byte that comes late is waited for, one that never comes is asked for again', async () => {
    proxy.next('GET', ({ forward }) => new Promise((resolve) => setTimeout(resolve, 200)).then(forward));
    expect((await read()).equals(bytes)).toBe(true);
    expect(asked('GET')).toBe(1);
    proxy.next('GET', () => {});
    expect((await read()).equals(bytes)).toBe(true);
    expect(asked('GET')).toBe(3);
  });

  test('a PUT whose answer is lost is made again under the same key, and nothing is stored twice', async () => {
    proxy.next('PUT', async ({ forward, response }) => {
      response.writeHead = () => response;
      response.write = () => true;
      response.end = () => response.destroy();
      await forward();
    });
    const again = await write();
    const keys = proxy.seen.filter((line) => line.startsWith('PUT ')).map((line) => line.split('?')[0]);
    expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
    extent = again;
    expect((await read()).equals(bytes)).toBe(true);
    expect((await driver.list(undefined, 9)).stored[0]?.extents).toHaveLength(2);
  });

  test('a PUT whose body is cut on its way is made again, and no half of it is kept', async () => {
    proxy.next('PUT', ({ request }) => void request.socket.destroy());
    extent = await write();
    expect((await read()).equals(bytes)).toBe(true);
    expect(asked('PUT')).toBe(2);
  });

  const busy = (seconds: string) => (passing: Passing) => {
    passing.response.setHeader('retry-after', seconds);
    answerError(passing.response, 503, 'SlowDown');
  };

  test('a store that wants rest has it', async () => {
    proxy.next('GET', busy('1'));
    const began = performance.now();
    expect((await read()).equals(bytes)).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(950);
  });

  test('one that wants more than a writer can wait is away for as long as it says, a minute at the most', async () => {
    for (let times = 0; times < 4; times += 1) proxy.next('PUT', busy('900'));
    await expect(write()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterSeconds: 60 });
  }, 60_000);

  describe('a start that cannot use it', () => {
    let said: string[];

    beforeEach(() => {
      said = [];
      jest.spyOn(Logger.prototype, 'error').mockImplementation((text: unknown) => void said.push(String(text)));
    });

    async function open(settings: Partial<S3Settings>): Promise<string> {
      const other = new MinioDriver({ ...server.settings('spec-other', proxy.endpoint), timeoutMs: 500, ...settings });
      await other.open();
      await other.close();
      expect(said).toHaveLength(1);
      return said[0]!;
    }

    test.each<[string, Partial<S3Settings>, RegExp]>([
      ['key', { accessKey: 'nobody' }, /does not know the access key: set ENTREPOT_S3_ACCESS_KEY/],
      ['secret', { secretKey: 'wrong-secret' }, /set ENTREPOT_S3_SECRET_KEY/],
      ['port', { endpoint: 'http://127.0.0.1:1' }, /nothing listens there: start it, or set ENTREPOT_S3_ENDPOINT/],
      ['host', { endpoint: 'http://no-such-host.invalid:9000' }, /set ENTREPOT_S3_ENDPOINT|looked up/],
    ])('says of a wrong %s what to set, and no secret', async (_what, settings, words) => {
      const line = await open(settings);
      expect(line).toMatch(words);
      expect(line).toMatch(/^the store cannot be used yet: /);
      expect(line).not.toContain(settings.secretKey ?? server.settings('x').secretKey);
    });

    test.each([
      [403, 'RequestTimeTooSkewed', /clock/],
      [400, 'AuthorizationHeaderMalformed', /set ENTREPOT_S3_REGION/],
      [403, 'AccessDenied', /let it list, read, write and delete in the bucket spec-other/],
    ])('%d %s is explained', async (status, code, words) => {
      const refuse = ({ response }: Passing) => answerError(response, status, code);
      proxy.next('HEAD', refuse, /./);
      proxy.next('GET', refuse, /list-type/);
      expect(await open({})).toMatch(words);
    });

    test('is told where the bucket may not be made', async () => {
      proxy.next('PUT', ({ response }) => answerError(response, 403, 'AccessDenied'), /./);
      expect(await open({})).toMatch(/the bucket spec-other, or make it/);
    });
  });
});
