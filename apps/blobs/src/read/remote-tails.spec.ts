import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveTail } from '#calls/byte-plane.server';
import { type Digest, digestOf } from '#oci/digest';
import { type BookSession, SessionBook } from '#testing/session-book';
import { waitUntil } from '#testing/wait-until';
import { folderStore } from '../driver/store.testing';
import { capability, Feed, KIB, Reader, Replica, type StoreUnderTest } from '../replica.testing';

const WITHHELD = 64 * KIB;
/** Nothing is committed before its extent is full, and rows are asked for rarely: what comes sooner came from memory. */
const LAZY = { ENTREPOT_LINGER_MS: 600_000, ENTREPOT_FIRST_EXTENT_BYTES: 256 * KIB, ENTREPOT_FOLLOW_POLL_MS: 200 };

/** Replicas that do not hear each other on the bus: each has one of its own. */
describe('following a writer on another replica while the bus is away', () => {
  let store: StoreUnderTest;
  let book: SessionBook;
  let owner: Replica;
  let reading: Replica;
  let face: Server;
  let asked: number;
  let feed: Feed;
  let appended: Promise<unknown>;
  let bytes: Buffer;
  let digest: Digest;
  let session: BookSession;

  beforeEach(async () => {
    store = await folderStore();
    book = new SessionBook();
    asked = 0;
    face = createServer((request, response) => {
      asked += 1;
      const url = new URL(request.url!, 'http://owner');
      const given = request.headers.authorization!.replace('Capability ', '');
      const object = url.pathname.split('/')[2]!;
      serveTail(owner.tails, response, object, given, Number(url.searchParams.get('from'))).catch(() =>
        response.destroy(),
      );
    });
    await new Promise<void>((resolve) => face.listen(0, '127.0.0.1', resolve));
    const { port } = face.address() as AddressInfo;
    owner = new Replica(store.driver, book, LAZY, undefined, `http://127.0.0.1:${port}`);
    reading = new Replica(store.other, book, LAZY, undefined, 'http://127.0.0.1:1');
    begin(700 * KIB);
  });

  afterEach(async () => {
    feed.destroy();
    await appended.catch(() => {});
    await Promise.all([owner.stop(), reading.stop()]);
    face.closeAllConnections();
    await new Promise((resolve) => face.close(resolve));
    await store.close();
  });

  function begin(size: number): void {
    bytes = randomBytes(size);
    digest = digestOf(bytes);
    session = book.openNow({ digest, size });
    feed = new Feed();
    appended = owner.append(session, 0, feed);
    appended.catch(() => {});
  }

  async function send(from: number, until: number): Promise<void> {
    for (let at = from; at < until; at += 16 * KIB) await feed.feed(bytes.subarray(at, Math.min(at + 16 * KIB, until)));
  }

  const taken = () => waitUntil('the session to be taken', () => session.writer !== null);
  const read = async (stretch?: { start: number; end: number }) =>
    new Reader((await reading.read(session.object, stretch ? { stretch } : {})).stream);
  const committed = () => book.object(session.object).extents.reduce((sum, { length }) => sum + length, 0);

  test('its bytes come from memory before anything is stored, and all of them when they are verified', async () => {
    await taken();
    const readers = [await read(), await read()];
    for (const [from, until] of [
      [0, 1],
      [1, 20 * KIB],
      [20 * KIB, 200 * KIB],
    ] as const) {
      await send(from, until);
      for (const reader of readers) await reader.has(until);
    }
    expect(committed()).toBe(0);
    expect(asked).toBe(1);
    await send(200 * KIB, bytes.length);
    feed.end();
    await appended;
    for (const reader of readers) await reader.has(bytes.length - WITHHELD);
    expect(readers.map(({ length }) => length)).toEqual([bytes.length - WITHHELD, bytes.length - WITHHELD]);
    await owner.finish(session, digest);
    for (const reader of readers) expect((await reader.ended).equals(bytes)).toBe(true);
    await waitUntil('nothing to be followed', () => owner.followed.find(session.object) === null);
  });

  test('one that comes late has what is stored from there, and the rest from memory', async () => {
    await taken();
    await send(0, 300 * KIB);
    await waitUntil('an extent', () => committed() === 256 * KIB);
    const reader = await read();
    await reader.has(300 * KIB);
    await send(300 * KIB, 310 * KIB);
    await reader.has(310 * KIB);
    expect(committed()).toBe(256 * KIB);
  });

  test('a stretch asks for no tail', async () => {
    await taken();
    const reader = await read({ start: 0, end: 100 });
    await send(0, 256 * KIB);
    expect((await reader.ended).equals(bytes.subarray(0, 100))).toBe(true);
    expect(asked).toBe(0);
  });

  test('a link that breaks is made again, and costs nobody a byte', async () => {
    await taken();
    const reader = await read();
    await send(0, 50 * KIB);
    await reader.has(50 * KIB);
    face.closeAllConnections();
    await send(50 * KIB, 90 * KIB);
    await reader.has(90 * KIB);
    expect([committed(), asked]).toEqual([0, 2]);
  });

  test('where the writer dies, its successor here goes on, and so does the reader', async () => {
    await taken();
    const reader = await read();
    await send(0, 300 * KIB);
    await reader.has(300 * KIB);
    face.closeAllConnections();
    face.close();
    feed.destroy(new Error('the process was killed'));
    await appended.catch(() => {});
    const from = committed();
    await reading.append(session, from, bytes.subarray(from));
    await reading.finish(session, digest);
    expect((await reader.ended).equals(bytes)).toBe(true);
  });

  test('what came from a writer that was overtaken by one that stored something else is cut', async () => {
    const right = bytes;
    bytes = randomBytes(right.length);
    await taken();
    const reader = await read();
    await send(0, 20 * KIB);
    await reader.has(20 * KIB);
    await reading.append(session, 0, right);
    await reading.finish(session, digest);
    await expect(reader.ended).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    expect(reader.length).toBeLessThanOrEqual(right.length - WITHHELD);
  });

  test('a wrong digest cuts the reader, and its end never comes', async () => {
    await taken();
    const reader = await read();
    bytes = Buffer.from(bytes);
    bytes[bytes.length - 1]! ^= 1;
    await send(0, bytes.length);
    feed.end();
    await appended;
    await reader.has(bytes.length - WITHHELD);
    await expect(owner.finish(session, digest)).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    await expect(reader.ended).rejects.toMatchObject({ code: 'GONE' });
    expect(reader.length).toBe(bytes.length - WITHHELD);
  });

  test('a slow reader there slows neither the writer nor a quick one', async () => {
    begin(6 * KIB * KIB);
    await taken();
    const slow = await reading.read(session.object);
    const quick = await read();
    await send(0, bytes.length);
    feed.end();
    await appended;
    await owner.finish(session, digest);
    expect((await quick.ended).equals(bytes)).toBe(true);
    expect(owner.budget.held).toBe(0);
    expect((await new Reader(slow.stream).ended).equals(bytes)).toBe(true);
  });

  test('without a capability for this object, or where nobody writes it, there is no tail', async () => {
    await taken();
    await send(0, 10);
    const other = book.openNow();
    for (const given of ['', capability('append', session.object), capability('read', other.object)]) {
      expect(() => owner.tails.tail(given, session.object, 0)).toThrow(expect.objectContaining({ code: 'DENIED' }));
    }
    const unwritten = () => owner.tails.tail(capability('read', other.object), other.object, 0);
    expect(unwritten).toThrow(expect.objectContaining({ code: 'BLOB_UNKNOWN' }));
  });
});
