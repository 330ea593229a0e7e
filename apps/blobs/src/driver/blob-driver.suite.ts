import { randomBytes, randomUUID } from 'node:crypto';
import type { Stretch } from '#calls/byte-plane';
import type { Extent } from '#contracts/calls/sessions';
import { KIB, type StoreUnderTest } from '../replica.testing';
import { MissingBytes } from './blob-driver';

const never = new AbortController().signal;

/** What every driver must do. */
export function blobDriverSuite(openStore: () => Promise<StoreUnderTest>): void {
  let store: StoreUnderTest;
  beforeEach(async () => {
    store = await openStore();
  });
  afterEach(() => store.close());

  async function write(object: string, bytes: Buffer, sizes: number[]): Promise<Extent[]> {
    const extents: Extent[] = [];
    let offset = 0;
    for (const length of sizes) {
      const part = bytes.subarray(offset, offset + length);
      const middle = Math.floor(length / 2);
      const key = await store.driver.write(object, offset, [part.subarray(0, middle), part.subarray(middle)], never);
      extents.push({ offset, length, key });
      offset += length;
    }
    return extents;
  }

  async function read(object: string, extents: Extent[], stretch: Stretch, driver = store.driver): Promise<Buffer> {
    const source = driver.read(object, extents, stretch);
    const parts: Buffer[] = [];
    try {
      for (let chunk = await source.next(); chunk; chunk = await source.next()) parts.push(chunk);
      return Buffer.concat(parts);
    } finally {
      await source.close();
    }
  }

  test('a store that is here can be written to', async () => {
    const { freeBytes } = await store.driver.check();
    expect(freeBytes ?? 1).toBeGreaterThan(0);
  });

  test('any stretch of what was written is read back, across extents, on any replica', async () => {
    const object = randomUUID();
    const bytes = randomBytes(3 * KIB * KIB + 777);
    const extents = await write(object, bytes, [KIB, 1, 2 * KIB * KIB, bytes.length - 2 * KIB * KIB - KIB - 1]);
    const edges = [0, 1, KIB - 1, KIB, KIB + 1, 2 * KIB * KIB + KIB + 1, bytes.length];
    for (const start of edges) {
      for (const end of edges.filter((each) => each >= start)) {
        const found = await read(object, extents, { start, end }, store.other);
        expect(found.equals(bytes.subarray(start, end))).toBe(true);
      }
    }
  });

  test('an extent may be written before the ones that lie before it', async () => {
    const object = randomUUID();
    const [first, far] = [randomBytes(10 * KIB), randomBytes(5 * KIB)];
    const farKey = await store.driver.write(object, 10 * KIB, [far], never);
    const firstKey = await store.driver.write(object, 0, [first], never);
    const extents = [
      { offset: 0, length: 10 * KIB, key: firstKey },
      { offset: 10 * KIB, length: 5 * KIB, key: farKey },
    ];
    expect(await read(object, extents, { start: 0, end: 15 * KIB })).toEqual(Buffer.concat([first, far]));
  });

  test('bytes that are gone or cut are missing, not a failure of the store', async () => {
    const [lost, cut] = [randomUUID(), randomUUID()];
    const bytes = randomBytes(100 * KIB);
    const lostExtents = await write(lost, bytes, [100 * KIB]);
    const cutExtents = await write(cut, bytes, [100 * KIB]);
    await store.lose(lost);
    await store.cut(cut);
    await expect(read(lost, lostExtents, { start: 0, end: 10 })).rejects.toThrow(MissingBytes);
    await expect(read(cut, cutExtents, { start: 0, end: 100 * KIB })).rejects.toThrow(MissingBytes);
  });

  test('purge removes all of an object and nothing else, and may be repeated', async () => {
    const [gone, kept] = [randomUUID(), randomUUID()];
    const bytes = randomBytes(4 * KIB);
    await write(gone, bytes, [KIB, KIB, 2 * KIB]);
    const extents = await write(kept, bytes, [KIB, 3 * KIB]);
    await store.driver.purge(gone);
    await store.driver.purge(gone);
    await store.driver.purge(randomUUID());
    const { stored } = await store.driver.list(undefined, 100);
    expect(stored.map(({ object }) => object)).toEqual([kept]);
    expect(await read(kept, extents, { start: 0, end: 4 * KIB })).toEqual(bytes);
  });

  test('what is stored is listed in the order of ids, page by page, with its size', async () => {
    expect(await store.driver.list(undefined, 10)).toEqual({ stored: [], next: null });
    const objects = Array.from({ length: 7 }, () => randomUUID()).sort();
    for (const [index, object] of objects.entries())
      await write(object, randomBytes(2 * KIB + index), [KIB, KIB + index]);
    const listed: { object: string | null; bytes: number }[] = [];
    let pages = 0;
    for (let after: string | undefined, more = true; more; pages += 1) {
      const page = await store.driver.list(after, 3);
      listed.push(...page.stored.map(({ object, bytes }) => ({ object, bytes })));
      after = page.next ?? undefined;
      more = page.next !== null;
    }
    expect(pages).toBe(3);
    expect(listed).toEqual(objects.map((object, index) => ({ object, bytes: 2 * KIB + index })));
  });

  test('what belongs to no object is listed as such', async () => {
    await write(randomUUID(), randomBytes(KIB), [KIB]);
    await store.stray();
    const { stored } = await store.driver.list(undefined, 100);
    expect(stored.filter(({ object }) => object === null).map(({ key }) => key)).toEqual(['objects/stray']);
    expect(stored).toHaveLength(2);
  });

  test('a segment of the journal is kept whole, beside the objects, and read on any replica', async () => {
    const name = `${randomUUID()}/000001-000000000001.jsonl`;
    const bytes = randomBytes(3 * KIB * KIB);
    expect(await store.driver.readSegment(name)).toBeNull();
    await store.driver.writeSegment(name, bytes);
    await store.driver.writeSegment(name, bytes);
    expect((await store.other.readSegment(name))?.equals(bytes)).toBe(true);
    expect(await store.other.readSegment(name.slice(0, -1))).toBeNull();
    expect(await store.driver.list(undefined, 10)).toEqual({ stored: [], next: null });
  });

  test('the last segment after a name is found, and none of another journal, nor what is none', async () => {
    const [mine, other] = [randomUUID(), randomUUID()].sort();
    const name = (folder: string | undefined, n: number) => `${folder}/00000${n}-000000000001.jsonl`;
    expect(await store.driver.lastSegment(name(mine, 1))).toBeNull();
    const copies = [`${name(mine, 4)}.bak`, `${mine}/old`];
    for (const each of [name(mine, 1), name(mine, 2), name(mine, 3), name(other, 9), ...copies])
      await store.driver.writeSegment(each, randomBytes(KIB));
    expect(await store.other.lastSegment(name(mine, 1))).toBe(name(mine, 3));
    expect(await store.other.lastSegment(name(mine, 3))).toBeNull();
  });

  test('the segments of all journals are listed in their order, page by page', async () => {
    const [mine, other] = [randomUUID(), randomUUID()].sort();
    const names = [1, 2, 3].map((n) => `${mine}/00000${n}-000000000001.jsonl`);
    names.push(`${other}/000001-000000000001.jsonl`);
    expect(await store.driver.listSegments('', 10)).toEqual([]);
    for (const each of names) await store.driver.writeSegment(each, randomBytes(KIB));
    expect(await store.other.listSegments('', 2)).toEqual(names.slice(0, 2));
    expect(await store.other.listSegments(names[1]!, 10)).toEqual(names.slice(2));
    expect(await store.other.listSegments(`${mine}/~`, 10)).toEqual(names.slice(3));
    expect(await store.other.listSegments(names[3]!, 10)).toEqual([]);
  });

  test('a source that is closed early lets go, and reads no more', async () => {
    const object = randomUUID();
    const extents = await write(object, randomBytes(3 * KIB * KIB), [3 * KIB * KIB]);
    const source = store.driver.read(object, extents, { start: 0, end: 3 * KIB * KIB });
    expect(await source.next()).not.toBeNull();
    const pending = source.next().then(
      () => 'settled',
      () => 'settled',
    );
    await source.close();
    await source.close();
    expect(await pending).toBe('settled');
    await expect(source.next()).rejects.toThrow();
  });
}
