import { randomBytes, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Extent } from '#contracts/calls/sessions';
import { digestOf } from '#oci/digest';
import { describeWithPeers } from '#testing/peers';
import { SessionBook } from '#testing/session-book';
import { waitUntil } from '#testing/wait-until';
import { Feed, KIB, Replica, readAll, streamOf } from '../replica.testing';
import { answerError, FaultProxy } from './fault-proxy.testing';
import { MinioDriver } from './minio.driver';
import { MinioServer } from './minio-server.testing';

const never = new AbortController().signal;

describeWithPeers('the minio driver and a store that fails', ['minio'], () => {
  let server: MinioServer;
  let proxy: FaultProxy;
  let bucket: string;
  let driver: MinioDriver;

  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    proxy = await FaultProxy.start(server.endpoint);
    bucket = `spec-${randomUUID()}`;
    driver = new MinioDriver({ ...server.settings(bucket, proxy.endpoint), timeoutMs: 300 });
    await driver.open();
  });
  afterEach(async () => {
    await driver.close();
    await proxy.stop();
  });

  const object = randomUUID();

  async function write(bytes: Buffer): Promise<Extent> {
    const key = await driver.write(object, 0, [bytes.subarray(0, 10), bytes.subarray(10)], never);
    return { offset: 0, length: bytes.length, key };
  }

  async function read(extents: Extent[], end: number): Promise<Buffer> {
    const source = driver.read(object, extents, { start: 0, end });
    const parts: Buffer[] = [];
    for (let chunk = await source.next(); chunk; chunk = await source.next()) parts.push(chunk);
    await source.close();
    return Buffer.concat(parts);
  }

  test('checks are one question for a while', async () => {
    proxy.seen.length = 0;
    await Promise.all([driver.check(), driver.check()]);
    expect(await driver.check()).toEqual({ freeBytes: null });
    expect(proxy.seen).toEqual([expect.stringMatching(`^HEAD /${bucket}`)]);
  });

  test('a bucket that is gone is not there to be written to', async () => {
    await server.client().removeBucket(bucket);
    await expect(driver.check()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(bucket),
    });
  });

  test('a store that refuses, hangs or is away is not there either, and nobody waits for it long', async () => {
    proxy.next('HEAD', ({ response }) => void response.writeHead(503).end(), /./);
    await expect(driver.check()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    for (const prepare of [() => proxy.next('HEAD', () => {}, /./), () => proxy.stop()]) {
      const another = new MinioDriver({ ...server.settings(bucket, proxy.endpoint), timeoutMs: 30_000 });
      await prepare();
      const began = performance.now();
      await expect(another.check()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(performance.now() - began).toBeLessThan(5_000);
      await another.close();
    }
  });

  test('an extent is one PUT of a known length, and nothing else is asked', async () => {
    proxy.seen.length = 0;
    let length: string | undefined;
    proxy.next('PUT', ({ request, forward }) => {
      length = request.headers['content-length'];
      return forward();
    });
    await write(randomBytes(100 * KIB));
    expect(proxy.seen).toHaveLength(1);
    expect(proxy.seen[0]).toMatch(new RegExp(`^PUT /${bucket}/objects/${object}/\\d{12}-[0-9a-f-]{36}$`));
    expect(length).toBe(String(100 * KIB));
  });

  test('every extent has a key of its own, also of the same offset', async () => {
    const keys = await Promise.all([write(randomBytes(20)), write(randomBytes(20)), write(randomBytes(20))]);
    expect(new Set(keys.map(({ key }) => key)).size).toBe(3);
  });

  test('bytes that change on their way are refused by the store and sent again', async () => {
    const bytes = randomBytes(50 * KIB);
    proxy.next('PUT', ({ body, forward }) => {
      body[7]! ^= 1;
      return forward();
    });
    const extent = await write(bytes);
    expect((await read([extent], bytes.length)).equals(bytes)).toBe(true);
    expect(proxy.seen.filter((line) => line.startsWith('PUT') && line.includes('/objects/'))).toHaveLength(2);
  });

  test('the first extent of an upload is sent with the hash that its writer has, and is not hashed again', async () => {
    const replica = new Replica(driver, new SessionBook());
    const sent = jest.spyOn(driver, 'write');
    const bytes = randomBytes(900 * KIB);
    await replica.append(replica.book.openNow(), 0, streamOf(bytes));
    const extents = sent.mock.calls.map(
      ([, offset, chunks, , sha256]) => [offset, Buffer.concat(chunks), sha256] as const,
    );
    expect(extents.length).toBeGreaterThan(1);
    for (const [offset, stored, sha256] of extents)
      expect(sha256).toBe(offset === 0 ? digestOf(stored).slice('sha256:'.length) : undefined);
  });

  test('a hash that is not that of the bytes is refused by the store', async () => {
    const wrong = digestOf(randomBytes(9)).slice('sha256:'.length);
    const written = driver.write(object, 0, [randomBytes(20)], never, wrong);
    await expect(written).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test.each([
    ['500', (p: { response: Parameters<typeof answerError>[0] }) => answerError(p.response, 500, 'InternalError')],
    ['503', (p: { response: Parameters<typeof answerError>[0] }) => answerError(p.response, 503, 'SlowDown')],
    ['a broken connection', (p: { response: { destroy(): void } }) => void p.response.destroy()],
    ['silence', () => {}],
  ])('a PUT or GET that meets %s is tried again, with all of its bytes', async (_what, fault) => {
    const bytes = randomBytes(300 * KIB);
    proxy.next('PUT', fault);
    proxy.next('GET', fault);
    const extent = await write(bytes);
    expect((await read([extent], bytes.length)).equals(bytes)).toBe(true);
  });

  test('answers that are thrown away do not hold their connections', async () => {
    for (let round = 0; round < 10; round += 1) {
      proxy.next('PUT', ({ response }) => answerError(response, 503, 'SlowDown'));
      await write(randomBytes(20));
    }
    expect(await proxy.connections).toBeLessThan(4);
  });

  test('a GET that is cut or stalls in the middle goes on where it was', async () => {
    const bytes = randomBytes(600 * KIB);
    const extent = await write(bytes);
    const half = (stall: boolean) => {
      proxy.next('GET', ({ response }) => {
        response.writeHead(206, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 200 * KIB), () => stall || response.destroy());
      });
    };
    for (const stall of [false, true]) {
      half(stall);
      expect((await read([extent], bytes.length)).equals(bytes)).toBe(true);
    }
  });

  test('an error that is told in chunks is understood too', async () => {
    const bytes = randomBytes(1000);
    const extent = await write(bytes);
    const missing = '<Error><Code>NoSuchKey</Code></Error>';
    // Once as it is first asked for, and once by the client that understands it.
    for (let times = 0; times < 2; times += 1)
      proxy.next('GET', ({ response }) => void response.writeHead(404).end(missing));
    proxy.seen.length = 0;
    expect((await read([extent], bytes.length)).equals(bytes)).toBe(true);
    expect(proxy.seen.filter((line) => line.startsWith('GET'))).toHaveLength(3);
    expect(proxy.seen.filter((line) => line.startsWith('HEAD'))).toHaveLength(1);
  });

  test('bytes of another place are not taken for those that were asked for', async () => {
    const bytes = randomBytes(1000);
    const extent = await write(bytes);
    proxy.next('GET', ({ response }) => {
      const headers = { 'content-length': bytes.length, 'content-range': `bytes 1-${bytes.length}/2000` };
      response.writeHead(206, headers).end(randomBytes(bytes.length));
    });
    expect((await read([extent], bytes.length)).equals(bytes)).toBe(true);
  });

  test('a list that stalls in the middle is asked again', async () => {
    await write(randomBytes(20));
    const stall = ({ response }: { response: ServerResponse }) => void response.writeHead(200).write('<List');
    proxy.next('GET', stall, /list-type/);
    expect((await driver.list(undefined, 9)).stored).toHaveLength(1);
  });

  test('a GET that answers fewer bytes than were stored is missing bytes, never a short read', async () => {
    const bytes = randomBytes(1000);
    const extent = await write(bytes);
    const longer = { ...extent, length: 1200 };
    const source = driver.read(object, [longer], { start: 0, end: 1200 });
    await expect(source.next()).rejects.toMatchObject({ name: 'MissingBytes' });
    await source.close();
  });

  test.each([
    ['fails for good', 500, 'InternalError'],
    ['refuses the key', 403, 'AccessDenied'],
    ['has lost the bucket', 404, 'NoSuchBucket'],
  ])('a store that %s is unavailable, never absent', async (_what, status, code) => {
    const extent = await write(randomBytes(1000));
    for (let times = 0; times < 4; times += 1) {
      for (const method of ['PUT', 'GET']) proxy.next(method, ({ response }) => answerError(response, status, code));
      proxy.next('GET', ({ response }) => answerError(response, status, code), /list-type/);
    }
    const refused = { code: 'UNAVAILABLE' };
    await expect(write(randomBytes(20))).rejects.toMatchObject(refused);
    await expect(read([extent], 1000)).rejects.toMatchObject(refused);
    await expect(driver.purge(object)).rejects.toMatchObject(refused);
  });

  test('a full store says so, and is not asked again', async () => {
    proxy.next('PUT', ({ response }) => answerError(response, 507, 'XMinioStorageFull'));
    proxy.seen.length = 0;
    await expect(write(randomBytes(20))).rejects.toMatchObject({ code: 'UNAVAILABLE', message: /the store is full/ });
    expect(proxy.seen).toHaveLength(1);
  });

  test('a store that is not there does not stop the start, and is used once it comes', async () => {
    const late = await FaultProxy.start(server.endpoint);
    const { endpoint } = late;
    await late.stop();
    const early = new MinioDriver({ ...server.settings(`late-${randomUUID()}`, endpoint), timeoutMs: 300 });
    await early.open();
    await expect(early.write(object, 0, [randomBytes(9)], never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const here = await FaultProxy.start(server.endpoint, Number(new URL(endpoint).port));
    await early.write(object, 0, [randomBytes(9)], never);
    await early.close();
    await here.stop();
  });

  test('a purge that the store refuses in part is not taken for done', async () => {
    await write(randomBytes(20));
    for (let times = 0; times < 4; times += 1) {
      proxy.next(
        'POST',
        ({ response }) => {
          const body = '<DeleteResult><Error><Key>k</Key><Code>InternalError</Code></Error></DeleteResult>';
          response.writeHead(200, { 'content-length': body.length }).end(body);
        },
        /\?delete/,
      );
    }
    await expect(driver.purge(object)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await driver.purge(object);
    expect((await driver.list(undefined, 9)).stored).toEqual([]);
  });

  test('a PUT that is given up settles at once and its connection ends', async () => {
    const giveUp = new AbortController();
    let held: Socket | undefined;
    const arrived = new Promise<void>((resolve) => {
      proxy.next('PUT', ({ request }) => {
        held = request.socket;
        resolve();
      });
    });
    const patient = new MinioDriver({ ...server.settings(bucket, proxy.endpoint), timeoutMs: 60_000 });
    const writing = patient.write(object, 0, [randomBytes(500)], giveUp.signal);
    await arrived;
    giveUp.abort(new Error('given up'));
    await expect(writing).rejects.toThrow('given up');
    await waitUntil('the connection to end', () => held?.destroyed === true);
    await patient.close();
  });

  describe('and a writer that freezes', () => {
    test('wakes after its successor took over, and its late PUT hits nothing that is read', async () => {
      const book = new SessionBook();
      const frozen = new Replica(driver, book);
      const successor = new Replica(new MinioDriver(server.settings(bucket)), book);
      const [wrong, bytes] = [randomBytes(200 * KIB), randomBytes(200 * KIB)];
      const session = book.openNow();
      let wake: () => Promise<void> = async () => {};
      const arrived = new Promise<void>((resolve) => {
        proxy.next('PUT', ({ forward }) => {
          wake = forward;
          resolve();
        });
      });
      const first = frozen.append(session, 0, wrong);
      first.catch(() => {});
      await arrived;
      await successor.append(session, 0, bytes);
      const { object: live } = await successor.finish(session, digestOf(bytes));
      await wake();
      await expect(first).rejects.toMatchObject({ code: expect.stringMatching(/STALE|BLOB_UPLOAD_UNKNOWN/) });
      const { stored } = await driver.list(undefined, 9);
      expect(stored[0]?.extents).toHaveLength(2);
      expect((await readAll(await successor.read(live))).equals(bytes)).toBe(true);
      expect((await readAll(await frozen.read(live))).equals(bytes)).toBe(true);
      await successor.driver.close();
    });
  });

  describe('and the traps of streams', () => {
    test('an upload that breaks in the middle settles, and no multipart upload is left', async () => {
      const book = new SessionBook();
      const replica = new Replica(driver, book);
      const session = book.openNow();
      const feed = new Feed();
      const appended = replica.append(session, 0, feed);
      await feed.feed(randomBytes(700 * KIB));
      await waitUntil('all to be taken', () => feed.readableLength === 0);
      feed.destroy(new Error('broken'));
      await expect(appended).rejects.toMatchObject({ code: 'CANCELLED' });
      const left: unknown[] = [];
      for await (const upload of server.client().listIncompleteUploads(bucket, '', true)) left.push(upload);
      expect(left).toEqual([]);
      await replica.controller.purgeObject({ object: session.object });
      expect((await driver.list(undefined, 9)).stored).toEqual([]);
    });

    test('two writers of one digest at once store exact bytes', async () => {
      const book = new SessionBook();
      const replica = new Replica(driver, book);
      const bytes = randomBytes(900 * KIB);
      const sessions = [book.openNow(), book.openNow()];
      await Promise.all(sessions.map((session) => replica.append(session, 0, streamOf(bytes))));
      for (const { object: each } of sessions) {
        const { extents } = book.object(each);
        const source = driver.read(each, extents, { start: 0, end: bytes.length });
        const parts: Buffer[] = [];
        for (let chunk = await source.next(); chunk; chunk = await source.next()) parts.push(chunk);
        expect(Buffer.concat(parts).equals(bytes)).toBe(true);
      }
    });

    test('a stream that is shorter than promised is never taken for whole', async () => {
      const book = new SessionBook();
      const replica = new Replica(driver, book);
      const session = book.openNow({ size: 1000 });
      await replica.append(session, 0, randomBytes(900));
      const refused = { code: 'SIZE_INVALID' };
      await expect(replica.finish(session, digestOf(randomBytes(1)))).rejects.toMatchObject(refused);
    });
  });
});
