import { randomBytes, randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { AdoptObject, CompareStored, MISSING_PAGE, MOST_PIECES } from '#contracts/calls/adoption';
import { TakeSegment } from '#contracts/calls/journal';
import { MarkLost, ReadObject } from '#contracts/calls/sessions';
import { digestOf } from '#oci/digest';
import { FakeCalls } from '#testing/fake-calls';
import { describeWithPeers } from '#testing/peers';
import { BlobsConfigSchema } from '../blobs.config';
import type { BlobDriver } from '../driver/blob-driver';
import { MinioDriver } from '../driver/minio.driver';
import { MinioServer } from '../driver/minio-server.testing';
import { folderStore } from '../driver/store.testing';
import { JournalHandler } from '../journal/journal.handler';
import { RightStore } from '../journal/right-store';
import { HashObjectHandler } from '../read/hash-object.handler';
import type { StoreUnderTest } from '../replica.testing';
import { AdoptObjects } from './adopt-objects';

const INSTALLATION = randomUUID();
const never = new AbortController().signal;

function adoptingFrom(calls: FakeCalls, driver: BlobDriver): AdoptObjects {
  const journal = new JournalHandler(calls, driver, BlobsConfigSchema.parse({}));
  const hashing = new HashObjectHandler(driver, calls);
  return new AdoptObjects(calls, driver, hashing, journal, new RightStore(calls, driver));
}

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

  const adopting = () => adoptingFrom(calls, store.driver);

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

  it('are left where they are, and named, if they lie in more pieces than one question takes', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const [object, list] = [randomUUID(), store.driver.list.bind(store.driver)];
    const extents = Array.from({ length: MOST_PIECES + 1 }, (_, at) => ({
      key: `objects/${object}/${at.toString(16).padStart(12, '0')}-x`,
      bytes: 1,
      writtenAt: null,
    }));
    jest.spyOn(store.driver, 'list').mockImplementation(async (...asked) => {
      const { stored, next } = await list(...asked);
      return { stored: [...stored, { key: `objects/${object}/`, object, bytes: extents.length, extents }], next };
    });
    expect(await adopt()).toEqual([false, false, true]);
    expect(error).toHaveBeenCalledWith(
      expect.stringMatching(`object ${object} lies in more than 10000 keys: it is left`),
    );
    jest.restoreAllMocks();
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

describeWithPeers('bytes in a bucket that lie in pieces from before keys had offsets', ['minio'], () => {
  let server: MinioServer;
  let driver: MinioDriver;
  beforeAll(async () => {
    server = await MinioServer.start();
    driver = new MinioDriver(server.settings('pieces'));
    await driver.open();
  });
  afterAll(async () => {
    await driver.close();
    await server.stop();
  });
  afterEach(() => jest.restoreAllMocks());

  const pieces = [randomBytes(2000), randomBytes(2000), randomBytes(700)];

  /** An object of these, in this order, of which this digest is wanted. */
  async function adopt(order: readonly number[], wanted: string) {
    const object = randomUUID();
    const client = server.client();
    for (const at of order) await client.putObject('pieces', `objects/${object}/${randomUUID()}`, pieces[at]!);
    const calls = new FakeCalls()
      .on(TakeSegment, () => ({ installation: INSTALLATION, generation: 1, segment: 1, bytes: Buffer.alloc(0) }))
      .on(CompareStored, ({ stored }) => ({ missing: [], unknown: stored.filter((id) => id === object) }))
      .on(AdoptObject, ({ digest, quarantine }) => ({
        became: digest === wanted ? ('blob' as const) : quarantine ? ('quarantined' as const) : ('unwanted' as const),
      }));
    await adoptingFrom(calls, driver).adoptUnknown(randomUUID(), never);
    return calls.questions(AdoptObject);
  }

  it('are put together, though two of them ended the other way round', async () => {
    const wanted = digestOf(Buffer.concat(pieces));
    const asked = await adopt([1, 0, 2], wanted);
    expect(asked.at(-1)).toMatchObject({ digest: wanted, size: 4700, quarantine: false });
    expect(asked.at(-1)!.extents.map(({ offset, length }) => [offset, length])).toEqual([
      [0, 2000],
      [2000, 2000],
      [4000, 700],
    ]);
  });

  it('are left as they are where no order is found: to put them aside would be to purge them in the end', async () => {
    const error = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    const asked = await adopt([0, 1, 2], digestOf(Buffer.from('other')));
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.every(({ quarantine }) => !quarantine)).toBe(true);
    expect(error).toHaveBeenCalledWith(expect.stringMatching(/^object \S+ lies in 3 keys whose order nothing says/));
  });
});
