import { randomBytes, randomUUID } from 'node:crypto';
import type { Client } from 'minio';
import { ClaimComposings, FailComposing, SwapObject } from '#contracts/calls/composing';
import { BlobStored } from '#contracts/facts';
import { digestOf } from '#oci/digest';
import { ComposingBook } from '#testing/composing-book';
import { MemoryBus } from '#testing/memory-bus';
import { describeWithPeers } from '#testing/peers';
import { refusal } from '#testing/session-book';
import { waitUntil } from '#testing/wait-until';
import type { BlobsConfig } from '../blobs.config';
import { answerError, FaultProxy } from '../driver/fault-proxy.testing';
import { FolderDriver } from '../driver/folder.driver';
import { MinioDriver } from '../driver/minio.driver';
import { MinioServer } from '../driver/minio-server.testing';
import { folderStore } from '../driver/store.testing';
import { KIB, Replica, readAll } from '../replica.testing';

const DAY_MS = 86_400_000;
const QUICK: Partial<BlobsConfig> = {
  ENTREPOT_COMPOSE_SWEEP_MS: DAY_MS,
  ENTREPOT_COMPOSE_RENEW_MS: 20,
  ENTREPOT_EXTENT_BYTES: 64 * KIB,
};

describeWithPeers('blobs of many keys in a bucket', ['minio'], () => {
  let server: MinioServer;
  let client: Client;
  let proxy: FaultProxy;
  let bucket: string;
  let book: ComposingBook;
  let bus: MemoryBus;
  let replica: Replica;

  beforeAll(async () => {
    server = await MinioServer.start();
    client = server.client();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    proxy = await FaultProxy.start(server.endpoint);
    bucket = `spec-${randomUUID()}`;
    book = new ComposingBook();
    bus = new MemoryBus();
    replica = await newReplica();
  });
  afterEach(async () => {
    await stop(replica);
    await proxy.stop();
  });

  /** Patient: what hangs is never given up by itself. */
  async function newReplica(config: Partial<BlobsConfig> = {}): Promise<Replica> {
    const driver = new MinioDriver({ ...server.settings(bucket, proxy.endpoint), timeoutMs: 60_000 });
    await driver.open();
    return new Replica(driver, book, { ...QUICK, ...config }, bus);
  }

  async function stop(each: Replica): Promise<void> {
    await each.stop();
    await each.driver.close();
  }

  async function stored(size = 300 * KIB): Promise<{ object: string; bytes: Buffer }> {
    const bytes = randomBytes(size);
    return { object: await replica.store(bytes), bytes };
  }

  const asked = (call: { name: string }) => book.asked.filter((name) => name === call.name).length;
  const named = (bytes: Buffer) => book.blobs.get(digestOf(bytes))!;
  const begin = () => replica.composing.onApplicationBootstrap();
  const targetOf = (source: string) => [...book.composing].find(([, from]) => from === source)?.[0];

  /** Purges what rows say is to be purged, and then whatever lies in the bucket must be named by a row. */
  async function leaksNothing(): Promise<void> {
    for (const object of book.objects.values()) {
      if (object.state === 'purging') await replica.controller.purgeObject({ object: object.id });
    }
    const { stored: found } = await replica.driver.list(undefined, 1000);
    const kept = [...book.objects.values()].filter(({ state }) => state !== 'purging');
    const rows = kept.flatMap(({ extents }) => extents.map(({ key }) => key!));
    expect(found.flatMap(({ extents }) => extents!.map(({ key }) => key)).sort()).toEqual(rows.sort());
    for (const { id } of book.objects.values()) {
      const { uploads } = await client.listIncompleteUploadsQuery(bucket, `objects/${id}/whole`, '', '', '');
      expect(uploads).toEqual([]);
    }
  }

  test('become blobs of one key, and are read as before, by those who read already too', async () => {
    const [one, small, empty] = [await stored(), await stored(10), await stored(0)];
    const reading = await replica.read(one.object);
    begin();
    await waitUntil('the swap', () => named(one.bytes) !== one.object);
    await waitUntil('the last look', () => asked(ClaimComposings) === 2);
    const target = named(one.bytes);
    expect(book.object(target).extents).toEqual([
      { offset: 0, length: one.bytes.length, key: `objects/${target}/whole` },
    ]);
    expect((await readAll(await replica.read(target))).equals(one.bytes)).toBe(true);
    expect((await readAll(reading)).equals(one.bytes)).toBe(true);
    for (const { object, bytes } of [small, empty]) expect(named(bytes)).toBe(object);
    expect(asked(SwapObject)).toBe(1);
    book.objects.get(one.object)!.state = 'purging';
    await leaksNothing();
  });

  test('are looked for when a blob was stored, and until the end', async () => {
    begin();
    await waitUntil('the first look', () => asked(ClaimComposings) === 1);
    const { object, bytes } = await stored();
    bus.publish(BlobStored.subject, {});
    await waitUntil('the swap', () => named(bytes) !== object);
    await replica.composing.onModuleDestroy();
    const before = asked(ClaimComposings);
    bus.publish(BlobStored.subject, {});
    await replica.composing.onModuleDestroy();
    expect(asked(ClaimComposings)).toBe(before);
  });

  test('are left as they are by a process that is to compose nothing', async () => {
    await stored();
    const idle = await newReplica({ ENTREPOT_COMPOSE_SWEEP_MS: 0 });
    idle.composing.onApplicationBootstrap();
    bus.publish(BlobStored.subject, {});
    await stop(idle);
    expect(asked(ClaimComposings)).toBe(0);
  });

  test('a copy that fails midway leaves the blob as it was, and nothing behind', async () => {
    const { object, bytes } = await stored();
    proxy.next('PUT', ({ response }) => answerError(response, 403, 'AccessDenied'), /partNumber/);
    begin();
    await waitUntil('the failure', () => asked(FailComposing) === 1 && book.composing.size === 0);
    await replica.composing.onModuleDestroy();
    expect(named(bytes)).toBe(object);
    expect((await readAll(await replica.read(object))).equals(bytes)).toBe(true);
    await leaksNothing();
  });

  test('the store deletes nothing of what failed before metadata says that it may', async () => {
    const { object } = await stored();
    proxy.next('PUT', ({ response }) => answerError(response, 403, 'AccessDenied'), /partNumber/);
    const deletes = () => proxy.seen.filter((line) => /^DELETE|\?delete/.test(line)).length;
    let before = -1;
    book.faultBefore(FailComposing, () => {
      before = deletes();
    });
    begin();
    await waitUntil('the abort', () => deletes() > 0);
    expect([before, object]).toEqual([0, object]);
  });

  test('a worker that died midway leaves an upload of parts that goes with the purge; the next one has another object', async () => {
    const { object, bytes } = await stored();
    let reached = () => {};
    const arrived = new Promise<void>((resolve) => {
      reached = resolve;
    });
    proxy.next('POST', () => reached(), /uploadId/);
    begin();
    await arrived;
    const dead = targetOf(object)!;
    const { uploads } = await client.listIncompleteUploadsQuery(bucket, `objects/${dead}/whole`, '', '', '');
    expect(uploads).toHaveLength(1);
    book.end(dead);
    const next = await newReplica();
    next.composing.onApplicationBootstrap();
    await waitUntil('the swap', () => named(bytes) !== object);
    await stop(next);
    await replica.composing.onModuleDestroy();
    expect(named(bytes)).not.toBe(dead);
    book.objects.get(object)!.state = 'purging';
    await leaksNothing();
  });

  test('a worker whose claim was taken over stops, and clears what it wrote after the purge', async () => {
    const { object } = await stored();
    let go: () => Promise<void> = async () => {};
    const arrived = new Promise<void>((resolve) => {
      proxy.next(
        'POST',
        ({ forward }) => {
          go = forward;
          resolve();
        },
        /uploads/,
      );
    });
    begin();
    await arrived;
    const target = targetOf(object)!;
    book.end(target);
    await waitUntil('it to be given up', () => asked(FailComposing) === 1);
    // The store begins the upload after all: nobody knows its id.
    await go();
    await replica.composing.onModuleDestroy();
    await leaksNothing();
  });

  test.each([
    ['before it begins', 'GET', /list-type/],
    ['while it sends', 'PUT', /partNumber/],
  ])('a purge on the same replica stops the composing first: %s', async (_, method, path) => {
    const { object } = await stored();
    let go: () => Promise<void> = async () => {};
    const arrived = new Promise<void>((resolve) => {
      proxy.next(
        method,
        ({ forward }) => {
          go = forward;
          resolve();
        },
        path,
      );
    });
    begin();
    await arrived;
    const target = targetOf(object)!;
    book.end(target);
    await replica.controller.purgeObject({ object: target });
    const before = proxy.seen.length;
    await go();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await replica.composing.onModuleDestroy();
    expect(proxy.seen.slice(before).filter((line) => line.includes(target) && /^P/.test(line))).toEqual([]);
    await leaksNothing();
  });

  test('a swap whose answer is lost is asked again, and what it swapped in stays', async () => {
    const { object, bytes } = await stored();
    book.loseAnswer(SwapObject);
    begin();
    await waitUntil('it to be asked again', () => asked(SwapObject) === 2);
    await replica.composing.onModuleDestroy();
    expect(named(bytes)).not.toBe(object);
    expect((await readAll(await replica.read(named(bytes)))).equals(bytes)).toBe(true);
  });

  test('a swap of which nobody ever hears is not undone', async () => {
    const { object, bytes } = await stored();
    for (let times = 0; times < 5; times += 1) book.loseAnswer(SwapObject);
    begin();
    await waitUntil('the failure', () => asked(FailComposing) === 1);
    await replica.composing.onModuleDestroy();
    expect(named(bytes)).not.toBe(object);
    expect((await readAll(await replica.read(named(bytes)))).equals(bytes)).toBe(true);
    expect(proxy.seen.filter((line) => /^DELETE|\?delete/.test(line))).toEqual([]);
  });

  test('while metadata cannot be told of a failure nothing is deleted: the lease runs out', async () => {
    await stored();
    proxy.next('PUT', ({ response }) => answerError(response, 403, 'AccessDenied'), /partNumber/);
    for (let times = 0; times < 5; times += 1) {
      book.faultBefore(FailComposing, () => {
        throw refusal('UNAVAILABLE');
      });
    }
    begin();
    await waitUntil('the last attempt to say so', () => asked(FailComposing) === 5);
    await replica.composing.onModuleDestroy();
    expect(proxy.seen.filter((line) => /^DELETE|\?delete/.test(line))).toEqual([]);
    for (const target of [...book.composing.keys()]) book.end(target);
    await leaksNothing();
  });

  test('a blob that was condemned meanwhile is not brought back', async () => {
    const { object, bytes } = await stored();
    book.faultBefore(SwapObject, () => {
      book.blobs.delete(digestOf(bytes));
      book.objects.get(object)!.state = 'condemned';
    });
    begin();
    await waitUntil('the refusal', () => asked(SwapObject) === 1 && book.composing.size === 0);
    await replica.composing.onModuleDestroy();
    expect(book.blobs.size).toBe(0);
    await leaksNothing();
  });

  test('bytes that are found missing are the loss of the blob, and nothing is made of the rest', async () => {
    const { object } = await stored();
    const { extents } = book.object(object);
    await client.removeObject(bucket, extents[1]!.key!);
    begin();
    await waitUntil('the loss', () => book.object(object).lost !== null && asked(FailComposing) === 1);
    await replica.composing.onModuleDestroy();
    const targets = [...book.objects.values()].filter(({ id }) => id !== object);
    expect(targets.map(({ state }) => state)).toEqual(['purging']);
  });

  test('a store that is away is not asked for the next one at once', async () => {
    await stored();
    await stored();
    proxy.next('POST', ({ response }) => answerError(response, 403, 'AccessDenied'), /uploads/);
    begin();
    await waitUntil('the failure', () => asked(FailComposing) === 1 && book.composing.size === 0);
    await replica.composing.onModuleDestroy();
    expect(asked(ClaimComposings)).toBe(1);
  });
});

test('where an object is one piece anyway, nobody looks for any', async () => {
  const store = await folderStore();
  const [book, bus] = [new ComposingBook(), new MemoryBus()];
  const replica = new Replica(store.driver, book, QUICK, bus);
  expect(store.driver).toBeInstanceOf(FolderDriver);
  await replica.store(randomBytes(300 * KIB));
  replica.composing.onApplicationBootstrap();
  bus.publish(BlobStored.subject, {});
  await replica.stop();
  expect(book.asked).not.toContain(ClaimComposings.name);
  await store.close();
});
