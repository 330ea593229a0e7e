import { randomBytes, randomUUID } from 'node:crypto';
import { AdoptObject, CompareStored } from '#contracts/calls/adoption';
import { TakeSegment } from '#contracts/calls/journal';
import { FakeCalls } from '#testing/fake-calls';
import { BlobsConfigSchema } from '../blobs.config';
import { folderStore } from '../driver/store.testing';
import { JournalHandler } from '../journal/journal.handler';
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

  async function adopt(): Promise<boolean[]> {
    const journal = new JournalHandler(calls, store.driver, BlobsConfigSchema.parse({}));
    const adopting = new AdoptObjects(calls, store.driver, new HashObjectHandler(store.driver, calls), journal);
    await adopting.adoptUnknown(randomUUID(), never);
    return calls.questions(AdoptObject).map(({ quarantine }) => quarantine);
  }

  it('are put aside where nothing wants them', async () => {
    expect(await adopt()).toEqual([false, false, true]);
  });

  it('are left where they are if another database has its journal in the store too: it may want them', async () => {
    await store.driver.writeSegment(`${randomUUID()}/000001-000000000001.jsonl`, randomBytes(10));
    expect(await adopt()).toEqual([false, false]);
  });
});
