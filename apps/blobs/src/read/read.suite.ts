import { randomBytes } from 'node:crypto';
import { CommitExtent, MarkLost, ReadObject } from '#contracts/calls/sessions';
import { type Digest, digestOf } from '#oci/digest';
import { MemoryBus } from '#testing/memory-bus';
import { type BookSession, refusal, SessionBook } from '#testing/session-book';
import { waitUntil } from '#testing/wait-until';
import type { BlobsConfig } from '../blobs.config';
import { capability, Feed, KIB, Reader, Replica, readAll, type StoreUnderTest } from '../replica.testing';

const WITHHELD = 64 * KIB;

/** What reading must do, of verified blobs and of those that are being written, whatever the store. */
export function readSuite(openStore: () => Promise<StoreUnderTest>): void {
  let store: StoreUnderTest;
  let book: SessionBook;
  let one: Replica;
  let two: Replica;
  let feed: Feed;
  let appended: Promise<unknown>;

  beforeEach(async () => {
    feed = new Feed();
    appended = Promise.resolve();
    store = await openStore();
    book = new SessionBook();
    const bus = new MemoryBus();
    one = new Replica(store.driver, book, {}, bus);
    // Another process has no part of the first one's memory, even where both use one driver here.
    two = new Replica(store.other, book, {}, bus);
  });
  afterEach(async () => {
    feed.destroy();
    await appended.catch(() => {});
    expect([one.budget.held, two.budget.held]).toEqual([0, 0]);
    await Promise.all([one.stop(), two.stop()]);
    await store.close();
  });

  const asked = (name: string) => book.asked.filter((call) => call === name).length;

  describe('a verified blob', () => {
    test('whole and in stretches, on any replica', async () => {
      const bytes = randomBytes(700 * KIB);
      const object = await one.store(bytes);
      for (const replica of [one, two]) {
        const reading = await replica.read(object);
        expect([reading.size, reading.verified]).toEqual([bytes.length, true]);
        expect((await readAll(reading)).equals(bytes)).toBe(true);
        for (const [start, end] of [
          [0, 1],
          [bytes.length - 1, bytes.length],
          [250 * KIB, 600 * KIB],
        ] as const) {
          const part = await replica.read(object, { stretch: { start, end } });
          expect((await readAll(part)).equals(bytes.subarray(start, end))).toBe(true);
        }
      }
    });

    test.each([
      { start: 0, end: 101 },
      { start: 100, end: 101 },
      { start: 5, end: 5 },
      { start: 9, end: 3 },
      { start: -1, end: 3 },
    ])('a stretch outside it is refused: %o', async (stretch) => {
      const object = await one.store(randomBytes(100));
      await expect(one.read(object, { stretch })).rejects.toMatchObject({
        code: 'RANGE_INVALID',
        detail: { size: 100 },
      });
    });

    test('read again, it asks metadata nothing', async () => {
      const object = await one.store(randomBytes(300 * KIB));
      await readAll(await one.read(object));
      const before = book.asked.length;
      await readAll(await one.read(object));
      expect(book.asked.length).toBe(before);
    });

    test('a small one that is read again comes from memory', async () => {
      const bytes = randomBytes(10 * KIB);
      const object = await one.store(bytes);
      await readAll(await one.read(object));
      await store.lose(object);
      expect((await readAll(await one.read(object))).equals(bytes)).toBe(true);
      const part = await one.read(object, { stretch: { start: 5, end: 9 } });
      expect(await readAll(part)).toEqual(bytes.subarray(5, 9));
    });

    test('whoever has no capability for this object reads nothing', async () => {
      const object = await one.store(randomBytes(10));
      for (const given of [
        '',
        capability('read', await one.store(randomBytes(11))),
        capability('append', object),
        capability('read', object, 0),
      ]) {
        await expect(one.plane.read(given, object)).rejects.toMatchObject({ code: 'DENIED' });
      }
    });

    test.each([10 * KIB, 700 * KIB])('lost bytes of %d are told before the first byte, and marked', async (size) => {
      const object = await one.store(randomBytes(size));
      await store.lose(object);
      await expect(two.read(object)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
      expect(book.object(object).lost).not.toBeNull();
      await expect(two.read(object)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
      expect(asked(MarkLost.name)).toBe(1);
    });

    test('bytes that are found missing on the way cut the read, and are marked', async () => {
      const bytes = randomBytes(3 * KIB * KIB);
      const object = await one.store(bytes);
      await store.cut(object);
      const outcome = await one
        .read(object)
        .then(
          (reading) => readAll(reading),
          (error: unknown) => Promise.reject(error),
        )
        .catch((error: unknown) => error);
      expect(outcome).toMatchObject({ code: 'BLOB_UNKNOWN' });
      expect(book.object(object).lost).not.toBeNull();
    });

    test('a small one whose bytes are wrong is lost, not served', async () => {
      const object = await one.store(randomBytes(10 * KIB));
      await store.spoil(object);
      await expect(one.read(object)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
      expect(book.object(object).lost).not.toBeNull();
    });

    test('nothing is lost in a store that has nothing of the journal that was stored: it is another one', async () => {
      const object = await one.store(randomBytes(300 * KIB));
      await store.lose(object);
      book.segment = 3;
      await expect(two.read(object)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(book.object(object).lost).toBeNull();
    });

    test('bytes of an object that was purged meanwhile are not marked as lost', async () => {
      const object = await one.store(randomBytes(700 * KIB));
      await readAll(await one.read(object));
      book.object(object).state = 'purging';
      await two.controller.purgeObject({ object });
      await expect(one.read(object)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
      expect(asked(MarkLost.name)).toBe(0);
    });

    test('a scrub tells what the stored bytes hash to, and null where some are gone', async () => {
      const bytes = randomBytes(600 * KIB);
      const object = await one.store(bytes);
      const scrub = () => one.controller.hashObject({ object, algorithm: 'sha256' });
      expect(await scrub()).toEqual({ digest: digestOf(bytes), size: bytes.length });
      await store.spoil(object);
      expect((await scrub()).digest).not.toBe(digestOf(bytes));
      await store.lose(object);
      expect((await scrub()).digest).toBeNull();
      expect(asked(MarkLost.name)).toBe(0);
    });

    test('a short read takes no lease; a long one holds one, and gives it back', async () => {
      const object = await one.store(randomBytes(4 * KIB * KIB));
      await readAll(await one.read(object));
      expect(asked('metadata.lease-object')).toBe(0);
      const patient = new Replica(store.driver, book, { ENTREPOT_READ_LEASE_AFTER_MS: 20 });
      const readings = await Promise.all([patient.read(object), patient.read(object)]);
      await waitUntil('the lease to be renewed', () => asked('metadata.lease-object') > 2);
      expect(book.object(object).leases.size).toBe(1);
      readings[0].stream.destroy();
      await readAll(readings[1]);
      await waitUntil('the lease to end', () => book.object(object).leases.size === 0);
      await patient.stop();
    });

    test('the longest read ends', async () => {
      const object = await one.store(randomBytes(4 * KIB * KIB));
      const short = new Replica(store.driver, book, { ENTREPOT_LONGEST_READ_MS: 30 });
      const { stream } = await short.read(object);
      const error = await new Promise((resolve) => stream.once('error', resolve));
      expect(error).toMatchObject({ code: 'TIMEOUT' });
    });
  });

  describe('a blob that is being written', () => {
    let bytes: Buffer;
    let digest: Digest;
    let session: BookSession;
    let sent: number;

    function begin(size: number): void {
      bytes = randomBytes(size);
      digest = digestOf(bytes);
      session = book.openNow({ digest, size });
      feed = new Feed();
      appended = one.append(session, 0, feed);
      appended.catch(() => {});
      sent = 0;
    }

    async function send(until: number): Promise<void> {
      for (; sent < until; sent += 16 * KIB) await feed.feed(bytes.subarray(sent, Math.min(sent + 16 * KIB, until)));
      sent = until;
    }

    async function end(): Promise<void> {
      feed.end();
      await appended;
      await one.finish(session, digest);
    }

    test('followers anywhere get bytes as they come, and all of them when it is verified', async () => {
      begin(600 * KIB);
      await send(10);
      const readers = [
        new Reader((await one.read(session.object)).stream),
        new Reader((await two.read(session.object)).stream),
      ];
      for (const until of [10, 20 * KIB, 300 * KIB, 500 * KIB]) {
        await send(until);
        for (const reader of readers) await reader.has(until);
      }
      await send(bytes.length);
      await end();
      for (const reader of readers) expect((await reader.ended).equals(bytes)).toBe(true);
    });

    test('one that attaches late gets what was stored first', async () => {
      begin(600 * KIB);
      await send(400 * KIB);
      const reader = new Reader((await one.read(session.object)).stream);
      await reader.has(400 * KIB);
      await send(bytes.length);
      await end();
      expect((await reader.ended).equals(bytes)).toBe(true);
    });

    test('the last 64 KiB are withheld until the digest is verified', async () => {
      begin(300 * KIB);
      const readers = [
        new Reader((await one.read(session.object)).stream),
        new Reader((await two.read(session.object)).stream),
      ];
      await send(bytes.length);
      feed.end();
      await appended;
      for (const reader of readers) await reader.has(bytes.length - WITHHELD);
      await new Promise((resolve) => setTimeout(resolve, 200));
      for (const reader of readers) expect(reader.length).toBe(bytes.length - WITHHELD);
      await one.finish(session, digest);
      for (const reader of readers) expect((await reader.ended).equals(bytes)).toBe(true);
    });

    test.each([0, 1, WITHHELD])('of %d bytes nothing is given before they are verified', async (size) => {
      begin(size);
      const reader = new Reader((await two.read(session.object)).stream);
      await send(size);
      feed.end();
      await appended;
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect([reader.length, reader.stream.readableEnded]).toEqual([0, false]);
      await one.finish(session, digest);
      expect((await reader.ended).equals(bytes)).toBe(true);
    });

    test('a stretch waits for committed extents and takes nothing else', async () => {
      begin(600 * KIB);
      const [start, finish] = [100 * KIB, 130 * KIB];
      const readers = [one, two].map(
        async (replica) => new Reader((await replica.read(session.object, { stretch: { start, end: finish } })).stream),
      );
      const [here, there] = await Promise.all(readers);
      await send(550 * KIB);
      for (const reader of [here!, there!])
        expect((await reader.ended).equals(bytes.subarray(start, finish))).toBe(true);
      const committed = book.object(session.object).extents.reduce((sum, { length }) => sum + length, 0);
      expect(committed).toBeGreaterThanOrEqual(finish);
      await send(bytes.length);
      await end();
    });

    test('a stretch is not given from memory', async () => {
      begin(600 * KIB);
      let release = () => {};
      book.faultBefore(CommitExtent, () => new Promise<void>((resolve) => (release = resolve)));
      const reader = new Reader((await one.read(session.object, { stretch: { start: 0, end: 100 } })).stream);
      await send(20 * KIB);
      await waitUntil('a commit to be asked', () => asked(CommitExtent.name) > 0);
      expect(reader.length).toBe(0);
      release();
      expect(await reader.ended).toEqual(bytes.subarray(0, 100));
    });

    test('what arrives is in the hands of followers elsewhere soon, although it trickles', async () => {
      begin(600 * KIB);
      const reader = new Reader((await two.read(session.object)).stream);
      for (let until = 1; until < 5; until += 1) {
        await send(until);
        await reader.has(until);
      }
      feed.destroy();
    });

    test('a wrong digest cuts every reader, here and elsewhere, and none of them ever completes', async () => {
      begin(300 * KIB);
      const wrong = Buffer.from(bytes);
      wrong[wrong.length - 1]! ^= 1;
      bytes = wrong;
      const readers = [
        new Reader((await one.read(session.object)).stream),
        new Reader((await two.read(session.object)).stream),
      ];
      await send(bytes.length);
      feed.end();
      await appended;
      for (const reader of readers) await reader.has(bytes.length - WITHHELD);
      await expect(one.finish(session, digest)).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
      await expect(readers[0]!.ended).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
      await expect(readers[1]!.ended).rejects.toMatchObject({ code: 'GONE' });
      for (const reader of readers) expect(reader.length).toBe(bytes.length - WITHHELD);
      expect((await store.driver.list(undefined, 10)).stored).toEqual([]);
    });

    test('a reader that took bytes of an overtaken writer is cut where others were stored', async () => {
      begin(300 * KIB);
      const other = Buffer.from(bytes);
      bytes = randomBytes(bytes.length);
      const reader = new Reader((await one.read(session.object)).stream);
      let release = () => {};
      book.faultBefore(CommitExtent, () => new Promise<void>((resolve) => (release = resolve)));
      await send(20 * KIB);
      await reader.has(20 * KIB);
      await waitUntil('the first writer to hang', () => asked(CommitExtent.name) > 0);
      await two.append(session, 0, other);
      await two.finish(session, digest);
      await expect(reader.ended).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
      expect(reader.length).toBeLessThanOrEqual(other.length - WITHHELD);
      release();
      await expect(appended).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    });

    test('a reader goes on across writers that fail, on other replicas too', async () => {
      begin(600 * KIB);
      const reader = new Reader((await two.read(session.object)).stream);
      await send(100 * KIB);
      await waitUntil('all to be taken', () => feed.readableLength === 0);
      feed.destroy(new Error('upstream is away'));
      await expect(appended).rejects.toMatchObject({ detail: { offset: 100 * KIB } });
      await two.append(session, 100 * KIB, bytes.subarray(100 * KIB));
      await two.finish(session, digest);
      expect((await reader.ended).equals(bytes)).toBe(true);
    });

    test('a reader that hangs up cancels nothing and leaves nothing behind', async () => {
      begin(300 * KIB);
      const hangUp = new AbortController();
      const reading = await one.read(session.object, { signal: hangUp.signal });
      const stays = new Reader((await one.read(session.object)).stream);
      await send(50 * KIB);
      hangUp.abort();
      await new Promise((resolve) => reading.stream.on('error', () => {}).once('close', resolve));
      await send(bytes.length);
      await end();
      expect((await stays.ended).equals(bytes)).toBe(true);
      await waitUntil('nothing to be followed', () => one.followed.find(session.object) === null);
    });

    test('a slow reader slows neither the writer nor another reader', async () => {
      begin(4 * KIB * KIB);
      const slow = await one.read(session.object);
      const quick = new Reader((await one.read(session.object)).stream);
      await send(bytes.length);
      await end();
      expect((await quick.ended).equals(bytes)).toBe(true);
      expect(one.budget.held).toBe(0);
      expect(slow.stream.readableLength).toBeLessThan(2 * KIB * KIB);
      expect((await readAll(slow)).equals(bytes)).toBe(true);
    });

    test('while metadata is away a follower waits, and then goes on', async () => {
      begin(300 * KIB);
      const reader = new Reader((await two.read(session.object)).stream);
      for (let times = 0; times < 3; times += 1) {
        book.faultBefore(ReadObject, () => {
          throw refusal('UNAVAILABLE');
        });
      }
      await send(bytes.length);
      await end();
      expect((await reader.ended).equals(bytes)).toBe(true);
    });

    async function startReplicas(settings: Partial<BlobsConfig>): Promise<void> {
      const bus = new MemoryBus();
      await Promise.all([one.stop(), two.stop()]);
      [one, two] = [new Replica(store.driver, book, settings, bus), new Replica(store.other, book, settings, bus)];
    }

    /** In KiB. */
    const lengths = () => book.object(session.object).extents.map(({ length }) => length / KIB);

    test.each([
      ['here', () => one],
      ['on another replica', () => two],
    ])(
      'while somebody follows %s, its writer commits small extents first, and larger ones as it goes',
      async (_, at) => {
        // A follower who is not heard of for three polls follows no more: a busy machine may not make him one.
        await startReplicas({ ENTREPOT_FOLLOW_POLL_MS: 10_000 });
        begin(900 * KIB);
        const reader = new Reader((await at().read(session.object)).stream);
        await send(bytes.length);
        await end();
        expect(lengths().slice(0, 4)).toEqual([32, 64, 128, 256]);
        expect((await reader.ended).equals(bytes)).toBe(true);
      },
    );

    test('while nobody follows, extents are as large as may be', async () => {
      begin(600 * KIB);
      await send(bytes.length);
      await end();
      expect(lengths()).toEqual([256, 256, 88]);
    });

    test('a follower on another replica who comes late has what was gathered at once, and then small extents', async () => {
      await startReplicas({ ENTREPOT_LINGER_MS: 60_000 });
      begin(900 * KIB);
      await send(200 * KIB);
      await waitUntil('all to be taken', () => one.followed.find(session.object)?.tail?.piece(200 * KIB - 1) != null);
      expect(lengths()).toEqual([]);
      const reader = new Reader((await two.read(session.object)).stream);
      await reader.has(200 * KIB);
      await send(264 * KIB);
      await reader.has(264 * KIB);
      await send(bytes.length);
      await end();
      expect((await reader.ended).equals(bytes)).toBe(true);
    });

    test('a writer that begins after its follower on another replica hears of it all the same', async () => {
      bytes = randomBytes(300 * KIB);
      digest = digestOf(bytes);
      session = book.openNow({ digest, size: bytes.length });
      const reader = new Reader((await two.read(session.object)).stream);
      feed = new Feed();
      appended = one.append(session, 0, feed);
      sent = 0;
      await waitUntil('the writer', () => one.followed.find(session.object)?.tail != null);
      await waitUntil('the word', () => one.followed.find(session.object)!.isFollowed(performance.now()));
      await send(bytes.length);
      await end();
      expect(lengths()[0]).toBe(32);
      expect((await reader.ended).equals(bytes)).toBe(true);
    });

    test('a follower on another replica who left is forgotten after a while', async () => {
      begin(600 * KIB);
      await send(10);
      const reading = await two.read(session.object);
      const followed = one.followed.find(session.object)!;
      expect(followed.isFollowed(performance.now())).toBe(true);
      reading.stream.on('error', () => {}).destroy();
      await waitUntil('it to be forgotten', () => !followed.isFollowed(performance.now()));
      await send(bytes.length);
      await end();
    });

    test('while the bus is away a follower on another replica waits longer, and gets all the same', async () => {
      const deaf = new Replica(store.other, book);
      begin(600 * KIB);
      const reader = new Reader((await deaf.read(session.object)).stream);
      await send(300 * KIB);
      await reader.has(256 * KIB);
      await send(bytes.length);
      await end();
      expect((await reader.ended).equals(bytes)).toBe(true);
      await deaf.stop();
    });

    test('a push, of which nobody knows what it will be, is not followed', async () => {
      const push = book.openNow();
      await one.append(push, 0, randomBytes(10));
      await expect(one.read(push.object)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    });
  });
}
