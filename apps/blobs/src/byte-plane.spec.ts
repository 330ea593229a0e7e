import { randomBytes } from 'node:crypto';
import { Test, type TestingModule } from '@nestjs/testing';
import type { BytePlane } from '#calls/byte-plane';
import { CallRegistry } from '#calls/call-registry';
import { CallServer } from '#calls/call-server';
import { HttpBytePlane } from '#calls/http-byte-plane';
import { InProcessBytePlane } from '#calls/in-process-byte-plane';
import { LinksModule } from '#calls/links.module';
import { TakeSession } from '#contracts/calls/sessions';
import { type BookSession, SessionBook } from '#testing/session-book';
import { waitUntil } from '#testing/wait-until';
import { folderStore } from './driver/store.testing';
import { capability, Feed, KIB, Replica, type StoreUnderTest } from './replica.testing';

/** Whoever appends sees the same, whether the bytes lie in this process or in another. */
describe.each(['in process', 'over HTTP'])('appending to a folder %s', (binding) => {
  let store: StoreUnderTest;
  let book: SessionBook;
  let replica: Replica;
  let app: TestingModule;
  let plane: BytePlane;
  let close: () => Promise<void>;

  beforeEach(async () => {
    store = await folderStore();
    book = new SessionBook();
    replica = new Replica(store.driver, book);
    app = await Test.createTestingModule({ imports: [LinksModule.inProcess(new Uint8Array(32))] }).compile();
    app.useLogger(false);
    const registry = app.get(CallRegistry);
    registry.serveBytes(replica.plane);
    plane = new InProcessBytePlane(registry);
    close = async () => {};
    if (binding === 'in process') return;
    const server = new CallServer(registry, new Uint8Array(32));
    const http = new HttpBytePlane(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
    plane = http;
    close = () => {
      http.close();
      return server.close();
    };
  });
  afterEach(async () => {
    await close();
    await app.close();
    expect(replica.budget.held).toBe(0);
    await replica.stop();
    await store.close();
  });

  const append = ({ id }: BookSession, offset: number, feed: Feed, signal?: AbortSignal) =>
    plane.append(capability('append', id), id, offset, feed, signal ? { signal } : {});
  const storedBytes = ({ object }: BookSession) =>
    book.object(object).extents.reduce((sum, { length }) => sum + length, 0);
  const begin = (feed: Feed, bytes: Buffer) => {
    const session = book.openNow();
    void feed.feed(bytes);
    return { session, come: () => waitUntil('its bytes', () => storedBytes(session) === bytes.length) };
  };

  /** What is left in it comes to whoever reads it now. */
  async function expectUnharmed(feed: Feed): Promise<void> {
    expect({ destroyed: feed.destroyed, flows: feed.readableFlowing === true }).toEqual({
      destroyed: false,
      flows: false,
    });
    let last = '';
    feed.on('data', (chunk: Buffer) => {
      last = chunk.subarray(-5).toString();
    });
    feed.resume();
    await feed.feed(Buffer.from('after'));
    await waitUntil('the rest', () => last === 'after');
    feed.destroy();
  }

  test('another offset is STALE with the one to go on at, and the stream is unharmed', async () => {
    const feed = new Feed();
    const { session } = begin(feed, randomBytes(100));
    await expect(append(session, 7, feed)).rejects.toMatchObject({ code: 'STALE', detail: { offset: 0 } });
    await expectUnharmed(feed);
  });

  test('a writer that is overtaken is told so, and its stream is unharmed', async () => {
    const feed = new Feed();
    const { session, come } = begin(feed, randomBytes(10 * KIB));
    const first = append(session, 0, feed);
    first.catch(() => {});
    await come();
    const second = new Feed();
    second.end(randomBytes(5));
    expect(await append(session, 10 * KIB, second)).toEqual({ offset: 10 * KIB + 5 });
    await expect(first).rejects.toMatchObject({ code: 'STALE', detail: { offset: expect.any(Number) } });
    await expectUnharmed(feed);
  });

  test('more than was promised is SIZE_INVALID, and the stream is unharmed', async () => {
    const session = book.openNow({ size: 10 });
    const feed = new Feed();
    void feed.feed(randomBytes(11));
    await expect(append(session, 0, feed)).rejects.toMatchObject({ code: 'SIZE_INVALID' });
    await expectUnharmed(feed);
  });

  test.each([
    ['fails', (feed: Feed) => feed.destroy(new Error('the line is down'))],
    ['closes without an end', (feed: Feed) => feed.destroy()],
  ])('a stream that %s is CANCELLED with the offset up to which all is kept', async (_how, breakOff) => {
    const feed = new Feed();
    const { session, come } = begin(feed, randomBytes(300 * KIB));
    const appended = append(session, 0, feed);
    appended.catch(() => {});
    await come();
    breakOff(feed);
    await expect(appended).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'the upload ended before its stream did; what arrived is stored',
      detail: { offset: 300 * KIB },
      cause: expect.any(Error),
    });
    expect(await book.ask(TakeSession, { session: session.id })).toMatchObject({ offset: 300 * KIB });
  });

  test('a stream that had failed before is CANCELLED where the session stands', async () => {
    const session = book.openNow();
    const feed = new Feed();
    feed.on('error', () => {});
    feed.destroy(new Error('early'));
    await expect(append(session, 0, feed)).rejects.toMatchObject({ code: 'CANCELLED', detail: { offset: 0 } });
  });

  test('a stream that is given up is CANCELLED and unharmed, and what came is kept', async () => {
    const giveUp = new AbortController();
    const feed = new Feed();
    const { session, come } = begin(feed, randomBytes(5 * KIB));
    const appended = append(session, 0, feed, giveUp.signal);
    await come();
    giveUp.abort();
    await expect(appended).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(storedBytes(session)).toBe(5 * KIB);
    await expectUnharmed(feed);
  });
});
