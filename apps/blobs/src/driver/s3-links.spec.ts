import { randomBytes, randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { ReadGrace } from '#contracts/calls/sessions';
import { digestOf } from '#oci/digest';
import { describeWithPeers } from '#testing/peers';
import { refusal, SessionBook } from '#testing/session-book';
import { Feed, KIB, Replica, readAll } from '../replica.testing';
import { answerError, FaultProxy } from './fault-proxy.testing';
import { MinioDriver } from './minio.driver';
import { MinioServer } from './minio-server.testing';

describeWithPeers('sending readers to the storage itself', ['minio'], () => {
  let server: MinioServer;
  let replicas: Replica[];
  let book: SessionBook;

  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    book = new SessionBook();
    replicas = [];
  });
  afterEach(async () => {
    for (const replica of replicas) {
      await replica.stop();
      await replica.driver.close();
    }
  });

  async function start(
    linkMs = 60_000,
    endpoint: string | null = server.endpoint,
    settings = server.settings(`spec-${randomUUID()}`),
  ): Promise<Replica> {
    const driver = new MinioDriver(settings, endpoint === null ? null : { endpoint, linkMs });
    await driver.open();
    const replica = new Replica(driver, book, endpoint === null ? {} : { ENTREPOT_S3_PUBLIC_ENDPOINT: endpoint });
    replicas.push(replica);
    return replica;
  }

  const locate = async (replica: Replica, object: string) =>
    (await replica.read(object, { redirect: true })).location ?? null;

  test('the link gives all and any range, without a login, as bytes to be kept', async () => {
    const replica = await start();
    const bytes = randomBytes(200 * KIB);
    const object = await replica.store(bytes);
    const reading = await replica.read(object, { redirect: true });
    expect({ ...reading, stream: null }).toMatchObject({ size: bytes.length, verified: true });
    expect(await readAll(reading)).toHaveLength(0);
    const link = reading.location!;
    const answer = await fetch(link);
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
      200,
      'application/octet-stream',
      'attachment',
    ]);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await fetch(link, { headers: { range: 'bytes=1000-1999' } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(1000, 2000))).toBe(true);
  });

  test('it is good for reading that one key alone, and for its time', async () => {
    const replica = await start(1_000);
    const objects = [await replica.store(randomBytes(100 * KIB)), await replica.store(randomBytes(100 * KIB))];
    const [one, other] = [await locate(replica, objects[0]!), await locate(replica, objects[1]!)];
    const elsewhere = new URL(one!);
    elsewhere.pathname = new URL(other!).pathname;
    const refused = [
      await fetch(one!, { method: 'DELETE' }),
      await fetch(one!, { method: 'PUT', body: 'x' }),
      await fetch(elsewhere),
      await fetch(one!.replace(/response-content-type=[^&]*/, 'response-content-type=text%2Fhtml')),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    const until = Date.now() + 30_000;
    let status = 200;
    while (status !== 403 && Date.now() < until) ({ status } = await fetch(one!, { headers: { range: 'bytes=0-0' } }));
    expect(status).toBe(403);
  }, 60_000);

  test('it is signed for the name that clients know, which nobody asks', async () => {
    const replica = await start(60_000, 'https://s3.example.com');
    const link = new URL((await locate(replica, await replica.store(randomBytes(100 * KIB))))!);
    expect([link.protocol, link.host]).toEqual(['https:', 's3.example.com']);
    expect(link.searchParams.get('X-Amz-SignedHeaders')).toBe('host');
    expect(link.href).not.toContain(server.settings('any').secretKey);
  });

  test('nobody is sent for what the storage has lost, or less of: it is found out then, and told as by any read', async () => {
    const settings = server.settings(`spec-${randomUUID()}`);
    const replica = await start(60_000, server.endpoint, settings);
    const [gone, cut] = [await replica.store(randomBytes(100 * KIB)), await replica.store(randomBytes(100 * KIB))];
    const client = server.client();
    await client.removeObject(settings.bucket, book.object(gone).extents[0]!.key!);
    await client.putObject(settings.bucket, book.object(cut).extents[0]!.key!, Buffer.alloc(100 * KIB - 1));
    for (const object of [gone, cut]) {
      await expect(replica.read(object, { redirect: true })).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
      expect(book.object(object).lost).toContain('bytes of objects/');
    }
  });

  test('the storage is asked once for the links of a moment; of what it does not say readers have the bytes', async () => {
    const proxy = await FaultProxy.start(server.endpoint);
    try {
      const settings = server.settings(`spec-${randomUUID()}`, proxy.endpoint);
      const replica = await start(60_000, server.endpoint, settings);
      const bytes = randomBytes(100 * KIB);
      const [one, other] = [await replica.store(randomBytes(100 * KIB)), await replica.store(bytes)];
      proxy.seen.length = 0;
      for (let times = 0; times < 3; times += 1) expect(await locate(replica, one)).not.toBeNull();
      expect(proxy.seen.filter((each) => each.includes('/objects/'))).toEqual([expect.stringMatching(/^HEAD /)]);
      proxy.next('HEAD', ({ response }) => answerError(response, 500, 'InternalError'));
      const reading = await replica.read(other, { redirect: true });
      expect(reading.location).toBeUndefined();
      expect((await readAll(reading)).equals(bytes)).toBe(true);
      expect(await locate(replica, other)).not.toBeNull();
    } finally {
      await proxy.stop();
    }
  });

  test('nobody is sent there where metadata keeps what is condemned for less than a download may last, which is said once', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    book.graceMs = 600_000;
    const short = await start();
    const object = await short.store(randomBytes(100 * KIB));
    expect([await locate(short, object), await locate(short, object)]).toEqual([null, null]);
    expect(error.mock.calls).toEqual([[expect.stringContaining('metadata has an ENTREPOT_GRACE_MS of 600000')]]);
    expect(book.asked.filter((name) => name === ReadGrace.name)).toHaveLength(1);
    jest.restoreAllMocks();
  });

  test('nobody is sent there as long as metadata does not say how long it keeps what is condemned', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const replica = await start();
    const object = await replica.store(randomBytes(100 * KIB));
    book.faultBefore(ReadGrace, () => {
      throw refusal('UNAVAILABLE');
    });
    expect(await locate(replica, object)).toBeNull();
    expect(error).toHaveBeenCalledTimes(1);
    jest.restoreAllMocks();
    expect(await locate(replica, object)).not.toBeNull();
  });

  test('who is not to be sent, or reads where that is not set, has the bytes', async () => {
    const [replica, closed] = [await start(), await start(60_000, null)];
    expect((await replica.read(await replica.store(randomBytes(100 * KIB)))).location).toBeUndefined();
    expect(await locate(closed, await closed.store(randomBytes(100 * KIB)))).toBeNull();
  });

  test('nobody is sent for what is small, in pieces, condemned or still coming', async () => {
    const replica = await start();
    const bytes = randomBytes(300 * KIB);
    const pieces = await replica.store(bytes);
    expect(book.object(pieces).extents.length).toBe(2);
    const condemned = await replica.store(randomBytes(100 * KIB));
    book.object(condemned).state = 'condemned';
    const coming = book.openNow({ digest: digestOf(bytes), size: bytes.length });
    const feed = new Feed();
    const appended = replica.append(coming, 0, feed).catch(() => {});
    await feed.feed(bytes.subarray(0, 100 * KIB));
    for (const object of [await replica.store(randomBytes(10 * KIB)), pieces, condemned, coming.object]) {
      const reading = await replica.read(object, { redirect: true });
      expect(reading.location).toBeUndefined();
      reading.stream.on('error', () => {}).destroy();
    }
    feed.destroy();
    await appended;
  });
});
