import { randomBytes, randomUUID } from 'node:crypto';
import { TakeSegment } from '#contracts/calls/journal';
import { FakeCalls } from '#testing/fake-calls';
import { folderStore } from '../driver/store.testing';
import type { StoreUnderTest } from '../replica.testing';
import { RightStore } from './right-store';

describe('a store is that of a database', () => {
  const installation = randomUUID();
  let store: StoreUnderTest;
  beforeEach(async () => {
    store = await folderStore();
  });
  afterEach(() => store.close());

  function look(generation: number, segment: number): Promise<void> {
    const calls = new FakeCalls().on(TakeSegment, () => ({
      installation,
      generation,
      segment,
      bytes: Buffer.alloc(0),
    }));
    return new RightStore(calls, store.driver).mustBeHere();
  }
  const write = (whose: string) => store.driver.writeSegment(`${whose}/000001-000000000001.jsonl`, randomBytes(10));

  test('where it has the first segment of its journal, and not where another database has one there', async () => {
    await write(randomUUID());
    await expect(look(1, 2)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await write(installation);
    await look(1, 2);
  });

  test('which also a database that was restored must have, before it has stored anything of its new generation', async () => {
    await expect(look(2, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await write(installation);
    await look(2, 1);
  });

  test('where nothing of a journal was ever stored', async () => {
    await look(1, 1);
  });
});
