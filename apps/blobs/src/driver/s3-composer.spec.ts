import { randomBytes, randomUUID } from 'node:crypto';
import type { Client } from 'minio';
import type { Extent } from '#contracts/calls/sessions';
import { describeWithPeers } from '#testing/peers';
import { KIB } from '../replica.testing';
import { answerError, FaultProxy, type Passing } from './fault-proxy.testing';
import { MinioDriver } from './minio.driver';
import { MinioServer } from './minio-server.testing';

const MIB = KIB * KIB;
const never = new AbortController().signal;

describeWithPeers('composing on a real MinIO', ['minio'], () => {
  let server: MinioServer;
  let proxy: FaultProxy;
  let bucket: string;
  let driver: MinioDriver;
  let client: Client;
  let source: string;
  let target: string;

  beforeAll(async () => {
    server = await MinioServer.start();
    client = server.client();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    proxy = await FaultProxy.start(server.endpoint);
    bucket = `spec-${randomUUID()}`;
    driver = new MinioDriver(server.settings(bucket, proxy.endpoint));
    await driver.open();
    [source, target] = [randomUUID(), randomUUID()];
  });
  afterEach(async () => {
    await driver.close();
    await proxy.stop();
  });

  async function write(bytes: Buffer, lengths: readonly number[]): Promise<Extent[]> {
    const extents: Extent[] = [];
    let offset = 0;
    for (const length of lengths) {
      const key = await driver.write(source, offset, [bytes.subarray(offset, offset + length)], never);
      extents.push({ offset, length, key });
      offset += length;
    }
    return extents;
  }

  /** An object of extents of these lengths, in bytes. */
  async function made(lengths: readonly number[]): Promise<{ bytes: Buffer; extents: Extent[] }> {
    const bytes = randomBytes(lengths.reduce((sum, length) => sum + length, 0));
    return { bytes, extents: await write(bytes, lengths) };
  }

  async function read(extent: Extent): Promise<Buffer> {
    const stretch = { start: 0, end: extent.length };
    const bytes = driver.read(target, [extent], stretch);
    const parts: Buffer[] = [];
    for (let chunk = await bytes.next(); chunk; chunk = await bytes.next()) parts.push(chunk);
    await bytes.close();
    return Buffer.concat(parts);
  }

  const compose = (extents: Extent[], signal = never) => driver.composer.compose(source, extents, target, signal);
  const keys = async () => (await driver.list(undefined, 100)).stored.flatMap(({ extents }) => extents ?? []);
  const uploads = async () => {
    const found = await client.listIncompleteUploadsQuery(bucket, `objects/${target}/whole`, '', '', '');
    return found.uploads.length;
  };
  const sent = (method: string, what: RegExp) =>
    proxy.seen.filter((line) => line.startsWith(`${method} `) && what.test(line)).length;

  test.each<[string, number[]]>([
    ['two small extents', [3, 5]],
    ['many small ones', Array.from({ length: 60 }, () => 100 * KIB)],
    ['many small ones of more than a part', Array.from({ length: 12 }, () => MIB)],
    ['sizes that alternate around 5 MiB', [5 * MIB - 1, 5 * MIB + 1, 5 * MIB - 1, 5 * MIB + 1, 5 * MIB - 1]],
    ['exactly 5 MiB each', [5 * MIB, 5 * MIB, 5 * MIB]],
    ['growing ones', [MIB, 2 * MIB, 4 * MIB, 8 * MIB, 1]],
    ['a small one between large ones', [12 * MIB, 7, 12 * MIB, 1]],
    ['one', [100]],
  ])('%s become one key of the same bytes', async (_what, lengths) => {
    const { bytes, extents } = await made(lengths);
    const whole = await compose(extents);
    expect(whole).toEqual({ offset: 0, length: bytes.length, key: `objects/${target}/whole` });
    expect((await read(whole)).equals(bytes)).toBe(true);
    expect(await uploads()).toBe(0);
    expect((await keys()).filter(({ key }) => key.includes(target))).toHaveLength(1);
  });

  test('what is large enough is copied in the store, and not read', async () => {
    const { extents } = await made([6 * MIB, 6 * MIB, 100]);
    proxy.seen.length = 0;
    await compose(extents);
    expect(sent('GET', /\/objects\/[^?]+$/)).toBe(0);
    expect(sent('PUT', /partNumber/)).toBe(3);
  });

  test('the copy is of the bytes that were looked at: a key that was written anew is refused', async () => {
    const { extents } = await made([6 * MIB, 6 * MIB]);
    proxy.next(
      'POST',
      async ({ forward }) => {
        await client.putObject(bucket, extents[1]!.key!, randomBytes(6 * MIB));
        await forward();
      },
      /uploads/,
    );
    await expect(compose(extents)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await keys()).filter(({ key }) => key.includes(target))).toEqual([]);
  });

  test('bytes that change on their way to be rewritten are not kept', async () => {
    const { extents } = await made([1000, 1000]);
    proxy.next('GET', async ({ response, path }) => {
      const key = decodeURIComponent(path.split('/').slice(2).join('/').split('?')[0]!);
      const parts: Buffer[] = [];
      for await (const part of await client.getObject(bucket, key)) parts.push(part as Buffer);
      const body = Buffer.concat(parts);
      body[5]! ^= 1;
      response.writeHead(206, { 'content-length': body.length }).end(body);
    });
    await expect(compose(extents)).rejects.toThrow(/read differently twice/);
  });

  test.each(['gone', 'shorter'])('a key that is %s is missing bytes, and nothing is made', async (what) => {
    const { extents } = await made([6 * MIB, 6 * MIB]);
    if (what === 'gone') await client.removeObject(bucket, extents[0]!.key!);
    else await client.putObject(bucket, extents[0]!.key!, randomBytes(5 * MIB));
    await expect(compose(extents)).rejects.toMatchObject({ name: 'MissingBytes' });
    expect(await uploads()).toBe(0);
  });

  test('a bucket that is gone is away, not missing bytes', async () => {
    const gone = new MinioDriver(server.settings(bucket, proxy.endpoint));
    await gone.open();
    await client.removeBucket(bucket);
    const extents = [
      { offset: 0, length: 6, key: `objects/${source}/a` },
      { offset: 6, length: 6, key: `objects/${source}/b` },
    ];
    await expect(gone.composer.compose(source, extents, target, never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await gone.close();
  });

  test.each<[string, RegExp, (passing: Passing) => void]>([
    ['is refused', /partNumber=2/, ({ response }) => answerError(response, 403, 'AccessDenied')],
    ['is answered well and failed', /partNumber=2/, ({ response }) => void answerError(response, 200, 'InternalError')],
  ])('a part that %s fails the whole, and the purge leaves nothing', async (_what, path, fault) => {
    const { extents } = await made([6 * MIB, 6 * MIB, 6 * MIB]);
    for (let times = 0; times < 4; times += 1) proxy.next('PUT', fault, path);
    await expect(compose(extents)).rejects.toThrow();
    expect(await uploads()).toBe(1);
    await driver.purge(target);
    expect(await uploads()).toBe(0);
    expect(await keys()).toHaveLength(3);
  });

  test('a part that meets a failing store is sent again', async () => {
    const { bytes, extents } = await made([6 * MIB, 10]);
    proxy.next('PUT', ({ response }) => answerError(response, 503, 'SlowDown'), /partNumber=1/);
    expect((await read(await compose(extents))).equals(bytes)).toBe(true);
  });

  test('an end whose answer is lost is found by looking', async () => {
    const { bytes, extents } = await made([6 * MIB, 10]);
    proxy.next(
      'POST',
      async ({ forward, response }) => {
        const end = response.end.bind(response);
        response.writeHead = () => response;
        response.end = (() => response.destroy()) as typeof end;
        response.write = () => true;
        await forward();
      },
      /uploadId/,
    );
    expect((await read(await compose(extents))).equals(bytes)).toBe(true);
    expect(sent('POST', /uploadId/)).toBe(1);
  });

  test('an end that never came about leaves the upload to the purge', async () => {
    const { extents } = await made([6 * MIB, 10]);
    proxy.next('POST', ({ response }) => void response.destroy(), /uploadId/);
    await expect(compose(extents)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await uploads()).toBe(1);
    await driver.purge(target);
    expect(await uploads()).toBe(0);
  });

  test('an end that comes after the purge makes nothing', async () => {
    const { extents } = await made([6 * MIB, 10]);
    proxy.next(
      'POST',
      async ({ forward }) => {
        await driver.purge(target);
        await forward();
      },
      /uploadId/,
    );
    await expect(compose(extents)).rejects.toThrow();
    expect((await keys()).filter(({ key }) => key.includes(target))).toEqual([]);
    expect(await uploads()).toBe(0);
  });

  test('one that is given up settles, and sends no more', async () => {
    const { extents } = await made([6 * MIB, 6 * MIB, 6 * MIB]);
    const giveUp = new AbortController();
    proxy.next('PUT', () => giveUp.abort(new Error('given up')), /partNumber/);
    await expect(compose(extents, giveUp.signal)).rejects.toThrow('given up');
    const before = proxy.seen.length;
    await driver.purge(target);
    expect(proxy.seen.slice(before).every((line) => /uploads|list-type|uploadId/.test(line))).toBe(true);
    expect(await uploads()).toBe(0);
  });

  test('a store that does not list uploads can be purged all the same', async () => {
    await made([10, 10]);
    proxy.next('GET', ({ response }) => answerError(response, 501, 'NotImplemented'), /uploads/);
    await driver.purge(source);
    expect(await keys()).toEqual([]);
  });
});
