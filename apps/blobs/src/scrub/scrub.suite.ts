import { randomBytes } from 'node:crypto';
import { ClaimScrubs, EndScrub, RenewScrubs } from '#contracts/calls/scrubs';
import { digestOf } from '#oci/digest';
import { ScrubBook } from '#testing/scrub-book';
import { refusal } from '#testing/session-book';
import { waitUntil } from '#testing/wait-until';
import type { BlobsConfig } from '../blobs.config';
import { RightStore } from '../journal/right-store';
import { HotBlobs } from '../read/hot-blobs';
import { SettledObjects } from '../read/settled-objects';
import { KIB, Replica, readAll, type StoreUnderTest } from '../replica.testing';
import { ScrubHandler } from './scrub.handler';

const DAY_MS = 86_400_000;
const QUICK: Partial<BlobsConfig> = { ENTREPOT_SCRUB_SWEEP_MS: DAY_MS, ENTREPOT_SCRUB_BYTES_PER_SECOND: 1e12 };

/** What the reading of all stored bytes finds, whatever store they lie in. */
export function scrubSuite(openStore: () => Promise<StoreUnderTest>): void {
  let store: StoreUnderTest;
  let book: ScrubBook;
  let replica: Replica;
  let scrubs: ScrubHandler[];

  beforeEach(async () => {
    store = await openStore();
    book = new ScrubBook();
    replica = new Replica(store.driver, book);
    scrubs = [];
  });
  afterEach(async () => {
    await Promise.all(scrubs.map((scrub) => scrub.onModuleDestroy()));
    await replica.stop();
    await store.close();
  });

  function begin(driver = store.driver, config: Partial<BlobsConfig> = {}): ScrubHandler {
    const settings = { ...replica.config, ...QUICK, ...config };
    const right = new RightStore(book, driver);
    const settled = new SettledObjects(book, right);
    const hot = new HotBlobs(driver, settled, settings);
    const scrub = new ScrubHandler(driver, book, settled, hot, right, settings);
    scrubs.push(scrub);
    scrub.onApplicationBootstrap();
    return scrub;
  }

  const asked = (call: { name: string }) => book.asked.filter((name) => name === call.name).length;
  const foundOf = (object: string) => book.found.find((each) => each.object === object);
  const all = (number: number) => waitUntil('all to be looked at', () => book.found.length >= number);
  const many = (number: number, size = 300 * KIB) =>
    Promise.all(
      Array.from({ length: number }, async () => {
        const bytes = randomBytes(size);
        return { object: await replica.store(bytes), bytes };
      }),
    );

  test('what is as it was is whole, an empty object too; what is missing, cut or changed is lost, and says how', async () => {
    const [whole, gone, cut, changed] = await many(4);
    const empty = await replica.store(Buffer.alloc(0));
    await store.lose(gone!.object);
    await store.cut(cut!.object);
    await store.spoil(changed!.object);
    begin();
    await all(5);
    expect(foundOf(whole!.object)).toMatchObject({ found: 'whole', reason: '' });
    expect(foundOf(empty)).toMatchObject({ found: 'whole' });
    expect(foundOf(gone!.object)).toMatchObject({ found: 'lost', reason: `scrub: 0 of ${300 * KIB} bytes are there` });
    expect(foundOf(cut!.object)).toMatchObject({ found: 'lost', reason: expect.stringMatching(/^scrub: \d+ of \d+/) });
    expect(foundOf(changed!.object)).toMatchObject({
      found: 'lost',
      reason: expect.stringMatching(/^scrub: the stored bytes hash to sha256:\w+, and are kept in quarantine$/),
    });
  });

  test('bytes that are wrong are kept aside before they are said to be, and their purge leaves them there', async () => {
    const [{ object, bytes } = { object: '', bytes: Buffer.alloc(0) }] = await many(1);
    await store.spoil(object);
    let kept: Buffer | undefined;
    book.faultBefore(EndScrub, async () => {
      kept = await store.quarantined(object);
    });
    begin();
    await all(1);
    expect(kept?.length).toBe(bytes.length);
    expect(digestOf(kept!)).not.toBe(digestOf(bytes));
    expect((await store.driver.list(undefined, 9)).stored).toHaveLength(1);
    await store.driver.quarantine(object);
    await store.driver.purge(object);
    expect((await store.quarantined(object)).equals(kept!)).toBe(true);
    expect((await store.driver.list(undefined, 9)).stored).toEqual([]);
  });

  test('bytes that are wrong are given to nobody, where they cannot be kept aside either', async () => {
    const [{ object } = { object: '' }] = await many(1);
    await store.spoil(object);
    jest.spyOn(store.driver, 'quarantine').mockRejectedValue(refusal('UNAVAILABLE'));
    begin();
    await all(1);
    jest.restoreAllMocks();
    expect(foundOf(object)).toMatchObject({ found: 'lost', reason: expect.stringContaining('not kept in quarantine') });
  });

  test('two replicas read each object once', async () => {
    await many(6);
    begin();
    begin(store.other);
    await all(6);
    await waitUntil('both have nothing to do', () => asked(ClaimScrubs) === 8);
    expect(new Set(book.found.map(({ object }) => object)).size).toBe(6);
    expect(book.found).toHaveLength(6);
  });

  test('a claim that was taken over is left: its finder says nothing', async () => {
    const [{ object } = { object: '' }] = await many(1);
    await store.spoil(object);
    begin(store.driver, { ENTREPOT_LEASE_MS: 60, ENTREPOT_SCRUB_BYTES_PER_SECOND: 10 });
    await waitUntil('it is claimed', () => book.scrubbing.has(object));
    book.scrubbing.set(object, 'another');
    await waitUntil('it is told', () => asked(RenewScrubs) > 0 && asked(ClaimScrubs) === 2);
    expect(asked(EndScrub)).toBe(0);
  });

  test('what cannot be read now is not lost, and the next look is the sweep’s', async () => {
    const [{ object } = { object: '' }] = await many(1);
    jest.spyOn(store.driver, 'read').mockImplementation(() => {
      throw refusal('UNAVAILABLE');
    });
    begin();
    await all(1);
    expect(foundOf(object)).toMatchObject({ found: 'unread' });
    expect(asked(ClaimScrubs)).toBe(1);
    jest.restoreAllMocks();
    expect((await readAll(await replica.read(object))).length).toBe(300 * KIB);
  });

  test('bytes that were read wrongly once are whole', async () => {
    const [{ object } = { object: '' }] = await many(1);
    const read = store.driver.read.bind(store.driver);
    jest.spyOn(store.driver, 'read').mockImplementationOnce((id, extents, stretch) => {
      const source = read(id, extents, stretch);
      return { next: async () => (await source.next())?.fill(0) ?? null, close: () => source.close() };
    });
    begin();
    await all(1);
    jest.restoreAllMocks();
    expect(foundOf(object)).toMatchObject({ found: 'whole' });
  });

  test('of a store that is empty no more than ten are believed to be lost in a row', async () => {
    const objects = await many(12, KIB);
    for (const { object } of objects) await store.lose(object);
    begin();
    await all(10);
    expect(asked(ClaimScrubs)).toBe(10);
    expect(book.found.every(({ found }) => found === 'lost')).toBe(true);
  });

  test('in a store that has nothing of the journal that was stored nothing is lost: it is another one', async () => {
    const [gone, whole] = await many(2, KIB);
    await store.lose(gone!.object);
    book.segment = 3;
    begin();
    await all(1);
    expect(foundOf(gone!.object)).toMatchObject({ found: 'unread' });
    await store.driver.writeSegment(`${book.installation}/000001-000000000001.jsonl`, randomBytes(10));
    book.found.length = 0;
    begin();
    await all(2);
    expect(foundOf(gone!.object)).toMatchObject({ found: 'lost' });
    expect(foundOf(whole!.object)).toMatchObject({ found: 'whole' });
  });

  test('as fast as it is told to, however small they are, and no end waits for it', async () => {
    await many(3, 100);
    const scrub = begin(store.driver, { ENTREPOT_SCRUB_BYTES_PER_SECOND: 100 });
    const began = performance.now();
    await all(2);
    expect(performance.now() - began).toBeGreaterThan(1_500);
    await scrub.onModuleDestroy();
    expect(book.found.length).toBeLessThan(4);
  });
}
