import { randomBytes, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommitExtent } from '#contracts/calls/sessions';
import { digestOf } from '#oci/digest';
import { refusal, SessionBook } from '#testing/session-book';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { waitUntil } from '#testing/wait-until';
import { KIB, Replica, readAll } from '../replica.testing';
import { FolderDriver } from './folder.driver';
import { FolderLock } from './folder-lock';

type Spied = 'writev' | 'datasync' | 'sync' | 'read';

describe('the folder driver', () => {
  let folder: string;
  let driver: FolderDriver;
  let handle: FileHandle;
  let prototype: FileHandle;

  beforeEach(async () => {
    folder = await tempFolder('folder');
    driver = new FolderDriver(join(folder, 'store'));
    await driver.open();
    handle = await open(folder, 'r');
    prototype = Object.getPrototypeOf(handle) as FileHandle;
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await driver.close();
    await handle.close();
    await removeFolder(folder);
  });

  it('a folder that cannot be one ends the start, and the setting is named', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(new FolderDriver(join(folder, 'file', 'store')).open()).rejects.toThrow(
      /^ENTREPOT_STORE_FOLDER: .* is a file or lies below one, and must be a folder\.$/,
    );
  });

  /** The next use of a file's method waits until it is released. */
  function freeze(method: Spied): { frozen: Promise<void>; release: () => void } {
    const original = prototype[method] as (...args: unknown[]) => Promise<unknown>;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const frozen = new Promise<void>((resolve) => {
      jest.spyOn(prototype, method as 'writev').mockImplementationOnce(async function (this: FileHandle, ...args) {
        resolve();
        await released;
        return original.apply(this, args) as never;
      });
    });
    return { frozen, release };
  }

  function fail(method: Spied, code: string): void {
    jest.spyOn(prototype, method as 'writev').mockRejectedValueOnce(Object.assign(new Error(code), { code }));
  }

  test('a folder that is gone, or another process has taken, cannot be written to', async () => {
    const store = join(folder, 'store');
    const unavailable = { code: 'UNAVAILABLE' };
    await rename(store, join(folder, 'elsewhere'));
    await expect(driver.check()).rejects.toMatchObject(unavailable);
    await mkdir(join(store, 'objects'), { recursive: true });
    await expect(driver.check()).rejects.toMatchObject(unavailable);
    await rename(store, join(folder, 'bare'));
    await rename(join(folder, 'elsewhere'), store);
    expect(await driver.check()).toEqual({ freeBytes: expect.any(Number) });
  });

  test('what must stay free on its disk is not written into: the store is full before', async () => {
    const full = new FolderDriver(join(folder, 'reserved'), Number.MAX_SAFE_INTEGER);
    await full.open();
    const refused = { code: 'UNAVAILABLE', message: /the store is full/ };
    await expect(full.write(randomUUID(), 0, [randomBytes(10)])).rejects.toMatchObject(refused);
    expect((await full.list(undefined, 9)).stored).toEqual([]);
    await full.close();
  });

  test('a store that is nearly full says so and is here', async () => {
    const ping = (settings: object) => new Replica(driver, new SessionBook(), settings).controller.ping();
    expect(await ping({ ENTREPOT_STORE_LOW_BYTES: 1 })).toEqual({ warning: null });
    const { warning } = await ping({ ENTREPOT_STORE_LOW_BYTES: Number.MAX_SAFE_INTEGER });
    expect(warning).toMatch(/^the store has \d+ bytes left/);
  });

  test('a write is durable before it is acknowledged: its bytes, its name, and the shelf of its name', async () => {
    const done: string[] = [];
    for (const method of ['writev', 'datasync', 'sync'] as const) {
      const original = prototype[method] as (...args: unknown[]) => Promise<unknown>;
      jest.spyOn(prototype, method as 'writev').mockImplementation(async function (this: FileHandle, ...args) {
        const answer = await original.apply(this, args);
        done.push(method);
        return answer as never;
      });
    }
    const object = randomUUID();
    await driver.write(object, 0, [randomBytes(10)]);
    expect(done).toEqual(['sync', 'writev', 'datasync', 'sync']);
    done.length = 0;
    await driver.write(object, 10, [randomBytes(10)]);
    expect(done).toEqual(['writev', 'datasync']);
  });

  test('taking an object waits until the writes of whoever had it have ended', async () => {
    const object = randomUUID();
    const { frozen, release } = freeze('writev');
    let ended = false;
    const writing = driver.write(object, 0, [randomBytes(10)]).then(() => {
      ended = true;
    });
    await frozen;
    const taken = driver.takeWriting(object).then(() => expect(ended).toBe(true));
    await driver.takeWriting(randomUUID());
    expect(ended).toBe(false);
    release();
    await Promise.all([taken, writing]);
  });

  test('a frozen writer that wakes after it was overtaken hits no verified byte', async () => {
    const book = new SessionBook();
    const replica = new Replica(driver, book);
    const session = book.openNow();
    const [wrong, bytes] = [randomBytes(100 * KIB), randomBytes(100 * KIB)];
    const { frozen, release } = freeze('writev');
    const first = replica.append(session, 0, wrong);
    first.catch(() => {});
    await frozen;
    const second = replica.append(session, 0, bytes);
    const finished = second.then(() => replica.finish(session, digestOf(bytes)));
    await waitUntil('the successor to take the session', () => book.sessions.get(session.id)!.epoch === 2);
    await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, 100))]);
    expect(book.object(session.object).state).toBe('uploading');
    release();
    await expect(first).rejects.toMatchObject({ code: 'STALE' });
    const { object } = await finished;
    expect((await readAll(await replica.read(object))).equals(bytes)).toBe(true);
    await replica.stop();
  });

  test('an end that takes the session waits for a frozen writer too', async () => {
    const book = new SessionBook();
    const replica = new Replica(driver, book);
    const session = book.openNow();
    const bytes = randomBytes(10 * KIB);
    await replica.append(session, 0, bytes);
    const { frozen, release } = freeze('writev');
    const overtaken = replica.append(session, bytes.length, randomBytes(10));
    overtaken.catch(() => {});
    await frozen;
    const finished = replica.finish(session, digestOf(bytes));
    await waitUntil('the session to be taken', () => book.sessions.get(session.id)!.epoch === 3);
    await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, 100))]);
    expect(book.object(session.object).state).toBe('uploading');
    release();
    await expect(overtaken).rejects.toMatchObject({ code: 'STALE' });
    expect(await finished).toEqual({ object: session.object, size: bytes.length });
    await replica.stop();
  });

  test('what an overtaken writer stored behind the end of a blob is not left there', async () => {
    const book = new SessionBook();
    const replica = new Replica(driver, book);
    const session = book.openNow();
    const bytes = randomBytes(10 * KIB);
    await replica.append(session, 0, bytes);
    book.faultBefore(CommitExtent, () => {
      throw refusal('STALE');
    });
    await expect(replica.append(session, bytes.length, randomBytes(10))).rejects.toMatchObject({ code: 'STALE' });
    expect((await driver.list(undefined, 9)).stored[0]?.bytes).toBe(bytes.length + 10);
    await replica.finish(session, digestOf(bytes));
    expect((await driver.list(undefined, 9)).stored[0]?.bytes).toBe(bytes.length);
    await replica.stop();
  });

  test.each(['ENOSPC', 'EDQUOT'])(
    '%s says that the store is full, keeps what was stored, and shows no half',
    async (code) => {
      const book = new SessionBook();
      const replica = new Replica(driver, book);
      const session = book.openNow();
      const bytes = randomBytes(600 * KIB);
      await replica.append(session, 0, bytes.subarray(0, 256 * KIB));
      fail('writev', code);
      const full = { code: 'UNAVAILABLE', message: /the store is full/ };
      await expect(replica.append(session, 256 * KIB, bytes.subarray(256 * KIB))).rejects.toMatchObject(full);
      expect(book.object(session.object).extents).toEqual([{ offset: 0, length: 256 * KIB, key: null }]);
      expect(replica.budget.held).toBe(0);
      await replica.append(session, 256 * KIB, bytes.subarray(256 * KIB));
      const { object } = await replica.finish(session, digestOf(bytes));
      expect((await readAll(await replica.read(object))).equals(bytes)).toBe(true);
      await replica.stop();
    },
  );

  test('a disk that takes a part of what is written gets the rest', async () => {
    const object = randomUUID();
    const original = prototype.writev;
    jest.spyOn(prototype, 'writev').mockImplementation(async function (this: FileHandle, chunks, position) {
      const [first] = chunks as Buffer[];
      return original.call(this, [first!.subarray(0, 7)], position) as never;
    });
    const bytes = randomBytes(50);
    await driver.write(object, 0, [bytes.subarray(0, 20), bytes.subarray(20)]);
    const source = driver.read(object, [{ offset: 0, length: 50, key: null }], { start: 0, end: 50 });
    expect(await source.next()).toEqual(bytes);
    await source.close();
  });

  test.each(['EIO', 'EROFS', 'EACCES'])('%s is unavailable, never absent', async (code) => {
    const object = randomUUID();
    await driver.write(object, 0, [randomBytes(10)]);
    fail('datasync', code);
    await expect(driver.write(object, 10, [randomBytes(10)])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    fail('read', code);
    const source = driver.read(object, [{ offset: 0, length: 10, key: null }], { start: 0, end: 10 });
    await expect(source.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await source.close();
  });

  test('a folder that is not mounted any more is unavailable, never absent, and nothing is written beside it', async () => {
    const object = randomUUID();
    await driver.write(object, 0, [randomBytes(10)]);
    await rename(join(folder, 'store'), join(folder, 'elsewhere'));
    await mkdir(join(folder, 'store'));
    const refused = { code: 'UNAVAILABLE' };
    const source = driver.read(object, [{ offset: 0, length: 10, key: null }], { start: 0, end: 10 });
    await expect(source.next()).rejects.toMatchObject(refused);
    await expect(driver.write(randomUUID(), 0, [randomBytes(10)])).rejects.toMatchObject(refused);
    await expect(driver.purge(object)).rejects.toMatchObject(refused);
    await expect(driver.list(undefined, 10)).rejects.toMatchObject(refused);
    expect(await readdir(join(folder, 'store'))).toEqual([]);
    await rename(join(folder, 'elsewhere'), join(folder, 'store'));
  });

  test('a bare mount point that looks like an empty store is not listed as one', async () => {
    await rename(join(folder, 'store'), join(folder, 'elsewhere'));
    await mkdir(join(folder, 'store', 'objects'), { recursive: true });
    await expect(driver.list(undefined, 10)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await rename(join(folder, 'store'), join(folder, 'bare'));
    await rename(join(folder, 'elsewhere'), join(folder, 'store'));
  });

  test('another blobs process is refused the folder, and has it after this one', async () => {
    const other = new FolderDriver(join(folder, 'store'));
    await expect(other.open()).rejects.toThrow(/Another blobs process .* has the folder/);
    await driver.close();
    await other.open();
    await other.close();
  });

  test('whoever lost the folder writes and purges nothing', async () => {
    const object = randomUUID();
    await driver.write(object, 0, [randomBytes(10)]);
    jest.spyOn(FolderLock.prototype, 'held', 'get').mockReturnValue(false);
    const refused = { code: 'UNAVAILABLE' };
    await expect(driver.write(object, 10, [randomBytes(10)])).rejects.toMatchObject(refused);
    await expect(driver.purge(object)).rejects.toMatchObject(refused);
  });

  test('a writer that did not hear of a purge does not make the file again', async () => {
    const object = randomUUID();
    await driver.write(object, 0, [randomBytes(10)]);
    await driver.purge(object);
    await expect(driver.write(object, 10, [randomBytes(10)])).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect((await driver.list(undefined, 10)).stored).toEqual([]);
  });

  test('a read that ends leaves no file open', async () => {
    const object = randomUUID();
    const extents = [{ offset: 0, length: 3 * KIB * KIB, key: null }];
    await driver.write(object, 0, [randomBytes(3 * KIB * KIB)]);
    const count = async () => (await readdir('/proc/self/fd')).length;
    const before = await count();
    for (let round = 0; round < 20; round += 1) {
      const source = driver.read(object, extents, { start: 0, end: 3 * KIB * KIB });
      if (round % 2) await source.next();
      const pending = source.next().catch(() => {});
      await source.close();
      await pending;
    }
    expect(await count()).toBeLessThanOrEqual(before);
  });
});
