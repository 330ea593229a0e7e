import { randomBytes, randomUUID } from 'node:crypto';
import { AdoptObject, CompareStored, MISSING_PAGE } from '#contracts/calls/adoption';
import { TakeSegment } from '#contracts/calls/journal';
import { MarkLost, ReadObject } from '#contracts/calls/sessions';
import { digestOf } from '#oci/digest';
import { FakeCalls } from '#testing/fake-calls';
import { BlobsConfigSchema } from '../blobs.config';
import { folderStore } from '../driver/store.testing';
import { JournalHandler } from '../journal/journal.handler';
import { RightStore } from '../journal/right-store';
import { HashObjectHandler } from '../read/hash-object.handler';
import type { StoreUnderTest } from '../replica.testing';
import { AdoptObjects } from './adopt-objects';

const INSTALLATION = randomUUID();
const never = new AbortController().signal;

describe('bytes that no row names', () => {
  let store: StoreUnderTest;
  let calls: FakeCalls;

  beforeEach(async () => {
    store = await folderStore();
    calls = new FakeCalls()
      .on(TakeSegment, () => ({ installation: INSTALLATION, generation: 2, segment: 1, bytes: Buffer.alloc(0) }))
      .on(CompareStored, ({ stored }) => ({ missing: [], unknown: stored }))
      .on(AdoptObject, ({ quarantine }) => ({ became: quarantine ? ('quarantined' as const) : ('unwanted' as const) }));
    await store.driver.write(randomUUID(), 0, [randomBytes(1000)], never);
    await store.driver.writeSegment(`${INSTALLATION}/000001-000000000001.jsonl`, randomBytes(10));
  });
  afterEach(() => store.close());

  function adopting(): AdoptObjects {
    const journal = new JournalHandler(calls, store.driver, BlobsConfigSchema.parse({}));
    const hashing = new HashObjectHandler(store.driver, calls);
    return new AdoptObjects(calls, store.driver, hashing, journal, new RightStore(calls, store.driver));
  }

  async function adopt(): Promise<boolean[]> {
    await adopting().adoptUnknown(randomUUID(), never);
    return calls.questions(AdoptObject).map(({ quarantine }) => quarantine);
  }

  it('are put aside where nothing wants them', async () => {
    expect(await adopt()).toEqual([false, false, true]);
  });

  it('are left where they are if another database has its journal in the store too: it may want them', async () => {
    await store.driver.writeSegment(`${randomUUID()}/000001-000000000001.jsonl`, randomBytes(10));
    expect(await adopt()).toEqual([false, false]);
  });

  /** Rows of objects that the store has not, and no other ones, answered as metadata does. */
  function lacks(count: number): string[] {
    const digest = digestOf(Buffer.from('x'));
    const ids = Array.from({ length: count }, () => randomUUID()).sort();
    const extents = [{ offset: 0, length: 1, key: null }];
    calls
      .on(CompareStored, ({ from, to }) => ({
        missing: ids
          .filter((id) => (from === null || id > from) && (to === null || id <= to))
          .slice(0, MISSING_PAGE)
          .map((object) => ({ object, digest })),
        unknown: [],
      }))
      .on(ReadObject, () => ({ state: 'live' as const, digest, size: 1, lost: false, writer: null, extents }))
      .on(MarkLost, () => ({}));
    return ids;
  }

  it('do not have rows believe what is missing in a store that never had their journal, however few they are', async () => {
    calls.on(TakeSegment, () => ({ installation: randomUUID(), generation: 2, segment: 1, bytes: Buffer.alloc(0) }));
    lacks(1);
    await expect(adopting().markMissing(randomUUID(), never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(calls.questions(MarkLost)).toEqual([]);
  });

  it('leave as many lost as are missing, page by page; most of a store is not', async () => {
    const few = lacks(2);
    expect(await adopting().markMissing(randomUUID(), never)).toBe(2);
    expect(calls.questions(MarkLost).map(({ object }) => object)).toEqual(few);
    lacks(MISSING_PAGE + 5);
    await expect(adopting().markMissing(randomUUID(), never)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const asked = calls.questions(CompareStored);
    expect(asked.slice(-2).map(({ from }) => from === null)).toEqual([true, false]);
    expect(calls.questions(MarkLost)).toHaveLength(2);
  });
});
