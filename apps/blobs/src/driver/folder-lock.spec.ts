import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processStartTime } from '#children/process-identity';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { waitUntil } from '#testing/wait-until';
import { FolderLock } from './folder-lock';

const BEAT_MS = 20;

describe('one process has a folder', () => {
  let folder: string;
  let path: string;
  let lock: FolderLock;

  beforeEach(async () => {
    folder = await tempFolder('lock');
    path = join(folder, 'blobs.lock');
    lock = new FolderLock(folder, BEAT_MS);
  });
  afterEach(async () => {
    await lock.release();
    await removeFolder(folder);
  });

  async function holder(change: object): Promise<void> {
    const own = new FolderLock(folder, BEAT_MS);
    await own.take();
    const record = JSON.parse(await readFile(path, 'utf8')) as object;
    await own.release();
    await writeFile(path, JSON.stringify({ ...record, id: 'another', ...change }));
  }

  test('a second one is refused while the first one lives', async () => {
    await lock.take();
    await expect(new FolderLock(folder, BEAT_MS).take()).rejects.toThrow(`process ${process.pid}`);
    expect(lock.held).toBe(true);
  });

  test('of many at once exactly one has it', async () => {
    await holder({ started: 'long ago' });
    const locks = Array.from({ length: 8 }, () => new FolderLock(folder, BEAT_MS));
    const taken = await Promise.allSettled(locks.map((each) => each.take()));
    expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await Promise.all(locks.map((each) => each.release()));
  });

  test('what a dead process left is taken over at once, although its pid is used again', async () => {
    await holder({ started: 'long ago' });
    await lock.take();
    expect(await lock.present()).toBe(true);
  });

  test('a process that is not seen from here lives while it touches the file', async () => {
    await holder({ pid: 1, started: processStartTime(1), among: 'another container' });
    const touching = setInterval(() => void utimes(path, new Date(), new Date()), BEAT_MS);
    await expect(lock.take()).rejects.toThrow('Another blobs process');
    clearInterval(touching);
    await lock.take();
    expect(lock.held).toBe(true);
  });

  test('whoever has it touches the file, and sees when it lost it', async () => {
    await lock.take();
    const touched = async () => (await stat(path)).mtimeMs;
    await utimes(path, new Date(0), new Date(0));
    for (const deadline = Date.now() + 5_000; (await touched()) === 0; ) expect(Date.now()).toBeLessThan(deadline);
    const record = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...record, id: 'somebody else' }));
    await waitUntil('the loss to be seen', () => !lock.held);
  });

  test('a file that nobody can read is no lock', async () => {
    await writeFile(path, 'rubbish');
    await lock.take();
    expect(lock.held).toBe(true);
  });
});
