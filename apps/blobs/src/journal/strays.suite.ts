import { randomBytes, randomUUID } from 'node:crypto';
import { DropStrays } from '#contracts/calls/blobs';
import { JudgeStrays } from '#contracts/calls/collection';
import { TakeSegment } from '#contracts/calls/journal';
import type { AnswerOf } from '#contracts/define-call';
import { SessionBook } from '#testing/session-book';
import { KIB, Replica, readAll, type StoreUnderTest } from '../replica.testing';

/** A `SessionBook` that says what may go, and how far the journal is. */
class StraysBook extends SessionBook {
  /** What TakeSegment answers next, before what it answers from then on. */
  moving: number[] = [];
  restored = false;

  constructor(override readonly installation: string = randomUUID()) {
    super();
    this.answer(TakeSegment, () => {
      const segment = this.moving.shift() ?? this.segment;
      return { installation: this.installation, generation: 1, segment, bytes: Buffer.alloc(0) };
    });
    this.answer(JudgeStrays, ({ object }) => this.judge(object));
  }

  private judge(id: string): AnswerOf<typeof JudgeStrays> {
    const object = this.objects.get(id);
    if (this.restored) return { may: 'none', keys: [], why: 'restored' };
    if (!object) return { may: 'all', keys: [], why: '' };
    const keys = object.extents.map(({ key }) => key);
    if (object.state !== 'live' || keys.includes(null)) return { may: 'none', keys: [], why: object.state };
    return { may: 'others', keys: keys as string[], why: '' };
  }
}

/** Bytes that no row names, whatever store they lie in. */
export function straysSuite(openStore: () => Promise<StoreUnderTest>): void {
  const never = new AbortController().signal;
  let store: StoreUnderTest;
  let book: StraysBook;
  let replica: Replica;

  beforeEach(async () => {
    store = await openStore();
    book = new StraysBook();
    replica = new Replica(store.driver, book, { ENTREPOT_GRACE_MS: 0 });
  });
  afterEach(async () => {
    await replica.stop();
    await store.close();
  });

  const drop = (object: string, on = replica) => on.controller.dropStrays(DropStrays.question.parse({ object }));
  const left = async () => (await store.driver.list(undefined, 99)).stored.map(({ object }) => object);
  const write = (object: string) => store.driver.write(object, 0, [randomBytes(KIB)], never);

  test('of an object that no row knows all go, and of one that is not there none', async () => {
    const [stray, kept] = [randomUUID(), await replica.store(randomBytes(100 * KIB))];
    await write(stray);
    expect(await drop(stray)).toEqual({ dropped: 1, left: null });
    expect(await drop(stray)).toEqual({ dropped: 0, left: null });
    expect(await left()).toEqual([kept]);
  });

  test('of an object that is live what its rows name stays, whatever lies beside it', async () => {
    const bytes = randomBytes(700 * KIB);
    const object = await replica.store(bytes);
    const before = (await store.driver.list(undefined, 9)).stored;
    const key = store.driver.composer === null ? null : await write(object);
    expect(await drop(object)).toEqual(key === null ? { dropped: 0, left: 'live' } : { dropped: 1, left: null });
    expect((await store.driver.list(undefined, 9)).stored).toEqual(before);
    expect((await readAll(await replica.read(object))).equals(bytes)).toBe(true);
  });

  test('what is uploading stays, whatever its age', async () => {
    const session = book.openNow();
    await replica.append(session, 0, randomBytes(100 * KIB));
    await drop(session.object);
    expect(await drop(session.object)).toEqual({ dropped: 0, left: 'uploading' });
    expect(await left()).toEqual([session.object]);
  });

  test('what is younger than the grace stays until it is not', async () => {
    const patient = new Replica(store.driver, book, { ENTREPOT_GRACE_MS: 3_600_000 });
    const stray = randomUUID();
    await write(stray);
    expect(await drop(stray, patient)).toEqual({ dropped: 0, left: 'it is younger than the grace' });
    expect(await left()).toEqual([stray]);
    await patient.stop();
  });

  test('nothing goes where the journal in the store is ahead of the database; one that is being written is not', async () => {
    const stray = randomUUID();
    await write(stray);
    const name = (segment: number) => `${book.installation}/000001-00000000000${segment}.jsonl`;
    await store.driver.writeSegment(name(1), randomBytes(10));
    expect(await drop(stray)).toEqual({ dropped: 0, left: expect.stringContaining('ahead of the database') });
    await store.driver.writeSegment(name(2), randomBytes(10));
    expect(await drop(stray)).toEqual({ dropped: 0, left: expect.stringContaining('ahead of the database') });
    expect(await left()).toEqual([stray]);
    book.moving = [1];
    book.segment = 3;
    expect(await drop(stray)).toEqual({ dropped: 1, left: null });
  });

  test('nothing goes where another database has written its journal too', async () => {
    const stray = randomUUID();
    await write(stray);
    await store.driver.writeSegment(`${book.installation}/000001-000000000001.jsonl`, randomBytes(10));
    book.segment = 2;
    await store.driver.writeSegment(`${randomUUID()}/000001-000000000001.jsonl`, randomBytes(10));
    expect(await drop(stray)).toEqual({ dropped: 0, left: expect.stringContaining('another database') });
    expect(await left()).toEqual([stray]);
  });

  test('nothing goes where metadata says that the database was restored', async () => {
    const stray = randomUUID();
    await write(stray);
    book.restored = true;
    expect(await drop(stray)).toEqual({ dropped: 0, left: 'restored' });
    expect(await left()).toEqual([stray]);
  });
}
