import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { AbortSession, CommitExtent, FinishSession, TakeSession } from '#contracts/calls/sessions';
import { digestOf } from '#oci/digest';
import { refusal, SessionBook } from '#testing/session-book';
import { waitUntil } from '#testing/wait-until';
import { capability, Feed, KIB, Replica, readAll, type StoreUnderTest, streamOf } from '../replica.testing';

const EXTENT = 256 * KIB;

/** What writing must do, whatever the store. */
export function uploadSuite(openStore: () => Promise<StoreUnderTest>): void {
  let store: StoreUnderTest;
  let book: SessionBook;
  let one: Replica;
  let two: Replica;

  beforeEach(async () => {
    store = await openStore();
    book = new SessionBook();
    one = new Replica(store.driver, book);
    two = store.other === store.driver ? one : new Replica(store.other, book);
  });
  afterEach(async () => {
    expect([one.budget.held, two.budget.held]).toEqual([0, 0]);
    await Promise.all([one.stop(), two.stop()]);
    await store.close();
  });

  const stored = async (object: string) => readAll(await two.read(object));

  test.each([0, 1, EXTENT - 1, EXTENT, EXTENT + 1, 5 * EXTENT + 13])(
    'a blob of %d bytes is stored and read back',
    async (size) => {
      const bytes = randomBytes(size);
      const session = book.openNow();
      expect(await one.append(session, 0, bytes)).toEqual({ offset: size });
      const { object } = await one.finish(session, digestOf(bytes), size);
      expect(object).toBe(session.object);
      expect((await stored(object)).equals(bytes)).toBe(true);
    },
  );

  test('an extent holds at most its size, and what one chunk brings is split', async () => {
    const session = book.openNow();
    await one.append(session, 0, Readable.from([randomBytes(3 * EXTENT + 5)], { objectMode: false }));
    expect(book.object(session.object).extents.map(({ length }) => length)).toEqual([EXTENT, EXTENT, EXTENT, 5]);
  });

  test('many small chunks are stored exactly', async () => {
    const bytes = randomBytes(40 * KIB);
    const session = book.openNow();
    const chunks = Array.from({ length: bytes.length / 8 }, (_, index) => bytes.subarray(index * 8, index * 8 + 8));
    await one.append(session, 0, Readable.from(chunks, { objectMode: false }));
    const { object } = await one.finish(session, digestOf(bytes));
    expect((await stored(object)).equals(bytes)).toBe(true);
  });

  test.each(['first', 'second'])(
    'chunks that alternate between replicas make one blob, ended on the %s',
    async (last) => {
      const bytes = randomBytes(3 * EXTENT + 99);
      const session = book.openNow();
      let offset = 0;
      for (let step = 0; offset < bytes.length; step += 1) {
        const part = bytes.subarray(offset, offset + 100 * KIB);
        ({ offset } = await (step % 2 ? two : one).append(session, offset, part));
      }
      const { object } = await (last === 'first' ? one : two).finish(session, digestOf(bytes));
      expect((await stored(object)).equals(bytes)).toBe(true);
    },
  );

  test.each(['sha256', 'sha512'] as const)(
    'a %s digest that is named only at the end is verified',
    async (algorithm) => {
      const bytes = randomBytes(2 * EXTENT + 1);
      const session = book.openNow();
      await one.append(session, 0, bytes.subarray(0, EXTENT));
      await one.append(session, EXTENT, bytes.subarray(EXTENT));
      const { object } = await one.finish(session, digestOf(bytes, algorithm));
      expect((await stored(object)).equals(bytes)).toBe(true);
    },
  );

  test('another offset is STALE and says where to go on', async () => {
    const session = book.openNow();
    await one.append(session, 0, randomBytes(1000));
    const refused = { code: 'STALE', detail: { offset: 1000 } };
    await expect(one.append(session, 0, randomBytes(10))).rejects.toMatchObject(refused);
    await expect(two.append(session, 1001, randomBytes(10))).rejects.toMatchObject(refused);
    expect(await one.append(session, 1000, randomBytes(1))).toEqual({ offset: 1001 });
  });

  test('what arrived before a stream failed is kept and acknowledged', async () => {
    const bytes = randomBytes(EXTENT + 5 * KIB);
    const session = book.openNow();
    const feed = new Feed();
    const appended = one.append(session, 0, feed);
    await feed.feed(bytes);
    await waitUntil('all bytes to be taken', () => feed.readableLength === 0);
    feed.destroy(new Error('the line is down'));
    const detail = { offset: bytes.length };
    await expect(appended).rejects.toMatchObject({ code: 'CANCELLED', detail, cause: { message: 'the line is down' } });
    await one.append(session, bytes.length, randomBytes(0));
    const { object } = await one.finish(session, digestOf(bytes));
    expect((await stored(object)).equals(bytes)).toBe(true);
  });

  test('a stream that failed before it was looked at is refused', async () => {
    const session = book.openNow();
    const feed = new Feed();
    feed.on('error', () => {});
    feed.destroy(new Error('early'));
    await expect(one.append(session, 0, feed)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('an upload that is given up keeps what arrived', async () => {
    const session = book.openNow();
    const [feed, giveUp] = [new Feed(), new AbortController()];
    const appended = one.append(session, 0, feed, giveUp.signal);
    await feed.feed(randomBytes(5 * KIB));
    await waitUntil('all bytes to be taken', () => feed.readableLength === 0);
    giveUp.abort();
    await expect(appended).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(book.object(session.object).extents).toHaveLength(1);
    expect(feed.destroyed).toBe(false);
  });

  test('a stalled stream has its bytes stored after a while', async () => {
    const session = book.openNow();
    const feed = new Feed();
    const appended = one.append(session, 0, feed);
    await feed.feed(randomBytes(10));
    await waitUntil('the first bytes to be stored', () => book.object(session.object).extents.length === 1);
    await feed.feed(randomBytes(20));
    await waitUntil('the next bytes to be stored', () => book.object(session.object).extents.length === 2);
    feed.end();
    expect(await appended).toEqual({ offset: 30 });
  });

  test('a retry while its first request still runs takes the session, and the first one is told', async () => {
    const bytes = randomBytes(2 * EXTENT);
    const session = book.openNow();
    const feed = new Feed();
    const first = one.append(session, 0, feed);
    await feed.feed(randomBytes(30 * KIB));
    await waitUntil('all bytes to be taken', () => feed.readableLength === 0);
    const second = two.append(session, 0, bytes);
    if (two !== one) feed.end(randomBytes(10));
    expect(await second).toEqual({ offset: bytes.length });
    await expect(first).rejects.toMatchObject({ code: 'STALE' });
    const { object } = await two.finish(session, digestOf(bytes));
    expect((await stored(object)).equals(bytes)).toBe(true);
  });

  test('a request that is stalled does not hold up the one that takes its session', async () => {
    const bytes = randomBytes(1000);
    const session = book.openNow();
    const feed = new Feed();
    const stalled = one.append(session, 0, feed);
    await feed.feed(bytes.subarray(0, 10));
    await waitUntil('the first bytes to be stored', () => book.object(session.object).extents.length === 1);
    await one.append(session, 10, bytes.subarray(10));
    await expect(stalled).rejects.toMatchObject({ code: 'STALE' });
    const { object } = await one.finish(session, digestOf(bytes));
    expect((await stored(object)).equals(bytes)).toBe(true);
  });

  test('a purge ends the writing under way, and nothing is left of the object', async () => {
    const session = book.openNow();
    const feed = new Feed();
    const writing = one.append(session, 0, feed);
    await feed.feed(randomBytes(10));
    await waitUntil('the first bytes to be stored', () => book.object(session.object).extents.length === 1);
    await book.ask(AbortSession, { session: session.id, reason: 'it ran out' });
    await one.controller.purgeObject({ object: session.object });
    feed.end(randomBytes(2 * EXTENT));
    await expect(writing).rejects.toThrow();
    expect((await one.driver.list(undefined, 1000)).stored.map((each) => each.object)).not.toContain(session.object);
  });

  test('what another replica stores after a purge is taken away by whoever stored it', async () => {
    const session = book.openNow();
    book.faultBefore(CommitExtent, async () => {
      await book.ask(AbortSession, { session: session.id, reason: 'it ran out' });
      await two.driver.purge(session.object);
    });
    await expect(one.append(session, 0, randomBytes(100))).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect((await one.driver.list(undefined, 1000)).stored.map((each) => each.object)).not.toContain(session.object);
  });

  test('a lost epoch is STALE with the offset, and nothing of the loser is committed', async () => {
    const session = book.openNow();
    book.faultBefore(CommitExtent, () => void book.ask(TakeSession, { session: session.id }));
    await expect(one.append(session, 0, randomBytes(100))).rejects.toMatchObject({
      code: 'STALE',
      detail: { offset: 0 },
    });
    expect(book.object(session.object).extents).toEqual([]);
  });

  test('two writers of one digest never mix: both end with the bytes, under one object', async () => {
    const bytes = randomBytes(3 * EXTENT);
    const [left, right] = [book.openNow(), book.openNow()];
    await Promise.all([one.append(left, 0, bytes), two.append(right, 0, bytes)]);
    const ends = await Promise.all([one.finish(left, digestOf(bytes)), two.finish(right, digestOf(bytes))]);
    expect(ends[0].object).toBe(ends[1].object);
    const states = [book.object(left.object).state, book.object(right.object).state].sort();
    expect(states).toEqual(['condemned', 'live']);
    for (const object of [left.object, right.object]) expect((await stored(object)).equals(bytes)).toBe(true);
  });

  test('a wrong digest is refused and leaves nothing', async () => {
    const session = book.openNow();
    await one.append(session, 0, randomBytes(EXTENT + 10));
    await expect(two.finish(session, digestOf(randomBytes(9)))).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    await expect(one.append(session, 0, randomBytes(9))).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect((await store.driver.list(undefined, 10)).stored).toEqual([]);
    expect(book.objects.get(session.object)?.state).toBe('purging');
  });

  test('another digest than the upload was opened for is refused', async () => {
    const bytes = randomBytes(100);
    const session = book.openNow({ digest: digestOf(randomBytes(100)) });
    await one.append(session, 0, bytes);
    await expect(one.finish(session, digestOf(bytes))).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
  });

  test('storage is not told to delete before the rows say purging', async () => {
    const session = book.openNow();
    await one.append(session, 0, randomBytes(100));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      book.faultBefore(AbortSession, () => {
        throw refusal('UNAVAILABLE');
      });
    }
    await expect(one.finish(session, digestOf(randomBytes(9)))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await store.driver.list(undefined, 10)).stored).toHaveLength(1);
  });

  test('another size than promised is SIZE_INVALID and leaves nothing', async () => {
    const bytes = randomBytes(100);
    for (const [expected, promised] of [
      [undefined, 99],
      [undefined, 101],
      [101, undefined],
    ] as const) {
      const session = book.openNow(expected === undefined ? {} : { size: expected });
      await one.append(session, 0, bytes);
      await expect(one.finish(session, digestOf(bytes), promised)).rejects.toMatchObject({ code: 'SIZE_INVALID' });
      expect((await store.driver.list(undefined, 10)).stored).toEqual([]);
    }
  });

  test('more than the expected size is SIZE_INVALID while it comes, and no byte too many is stored', async () => {
    const session = book.openNow({ size: EXTENT });
    await expect(one.append(session, 0, streamOf(randomBytes(EXTENT + 1)))).rejects.toMatchObject({
      code: 'SIZE_INVALID',
    });
    const { stored: rows } = await store.driver.list(undefined, 10);
    expect(rows.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(EXTENT);
  });

  test('a commit whose answer was lost is asked again', async () => {
    const bytes = randomBytes(100);
    const session = book.openNow();
    book.loseAnswer(CommitExtent);
    expect(await one.append(session, 0, bytes)).toEqual({ offset: 100 });
    book.loseAnswer(FinishSession);
    await one.finish(session, digestOf(bytes));
    expect(book.object(session.object)).toMatchObject({ state: 'live', size: 100 });
    expect(book.object(session.object).extents).toHaveLength(1);
  });

  test('an end whose answer stays lost is never compensated', async () => {
    const bytes = randomBytes(100);
    const session = book.openNow();
    await one.append(session, 0, bytes);
    for (let attempt = 0; attempt < 5; attempt += 1) book.loseAnswer(FinishSession);
    await expect(one.finish(session, digestOf(bytes))).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect((await stored(session.object)).equals(bytes)).toBe(true);
  });

  test('of two ends of one session at once, one is told', async () => {
    const bytes = randomBytes(EXTENT);
    const session = book.openNow();
    await one.append(session, 0, bytes);
    const ends = await Promise.allSettled([one.finish(session, digestOf(bytes)), two.finish(session, digestOf(bytes))]);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(book.object(session.object).state).toBe('live');
  });

  test('the memory of all uploads together stays within its budget', async () => {
    const budget = 512 * KIB;
    const tight = new Replica(store.driver, book, {
      ENTREPOT_WRITE_MEMORY_BYTES: budget,
      ENTREPOT_LINGER_MS: 3_600_000,
    });
    let most = 0;
    const blobs = Array.from({ length: 6 }, () => randomBytes(3 * EXTENT));
    const sessions = blobs.map(() => book.openNow());
    function* watched(bytes: Buffer): Generator<Buffer> {
      for (let at = 0; at < bytes.length; at += 64 * KIB) {
        most = Math.max(most, tight.budget.held);
        yield bytes.subarray(at, at + 64 * KIB);
      }
    }
    const streams = blobs.map((bytes) => Readable.from(watched(bytes), { objectMode: false }));
    await Promise.all(streams.map((stream, index) => tight.append(sessions[index]!, 0, stream)));
    expect(most).toBeGreaterThan(budget / 2);
    expect(most).toBeLessThanOrEqual(budget);
    expect(tight.budget.held).toBe(0);
    for (const [index, bytes] of blobs.entries()) {
      const { object } = await tight.finish(sessions[index]!, digestOf(bytes));
      expect((await stored(object)).equals(bytes)).toBe(true);
    }
    await tight.stop();
  });

  test('whoever has no capability for this session appends nothing', async () => {
    const session = book.openNow();
    const other = book.openNow();
    const refused = { code: 'DENIED' };
    const body = () => streamOf(randomBytes(10));
    for (const given of [
      '',
      'x.y',
      capability('append', other.id),
      capability('read', session.id),
      capability('append', session.id, 0),
      `${Date.now() + 99_999}.${capability('append', session.id).split('.')[1]}`,
    ]) {
      await expect(one.plane.append(given, session.id, 0, body())).rejects.toMatchObject(refused);
    }
    expect(book.asked).toEqual([]);
  });
}
