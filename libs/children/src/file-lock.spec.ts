import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killProcess, otherProcess } from '#testing/other-process';
import { lockFile, lockHolder } from './file-lock';

/** Says `held` or `taken`, and stays. */
function otherHolder(path: string, others: ChildProcess[]): ChildProcess {
  const script = `
    console.log(its.lockFile(${JSON.stringify(path)}) ? 'held' : 'taken');
    setInterval(() => {}, 1000);
  `;
  const other = otherProcess(join(__dirname, 'file-lock.ts'), script);
  others.push(other);
  return other;
}

const word = async (child: ChildProcess) => String((await once(child.stdout!, 'data'))[0]).trim();

describe('a lock on a file', () => {
  let folder: string;
  let path: string;
  const others: ChildProcess[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-lock-'));
    path = join(folder, 'lock');
  });
  afterEach(async () => {
    await Promise.all(others.splice(0).map(killProcess));
    await rm(folder, { recursive: true, force: true });
  });

  it('is held by one, until it is released', async () => {
    const lock = lockFile(path);
    expect(lock).toBeDefined();
    expect(lockFile(path)).toBeUndefined();
    expect(lockHolder(path)).toBe(String(process.pid));
    expect(await readFile(path, 'utf8')).toBe(`${process.pid}\n`);
    lock?.release();
    const again = lockFile(path);
    expect(again).toBeDefined();
    again?.release();
  });

  it('ends with its process, by kill -9 too', async () => {
    const other = otherHolder(path, others);
    expect(await word(other)).toBe('held');
    expect(lockFile(path)).toBeUndefined();
    expect(lockHolder(path)).toBe(String(other.pid));
    await killProcess(other);
    const lock = lockFile(path);
    expect(lock).toBeDefined();
    lock?.release();
  });

  it('goes to one of many who start at once', async () => {
    const all = Array.from({ length: 8 }, () => otherHolder(path, others));
    const words = await Promise.all(all.map(word));
    expect(words.filter((each) => each === 'held')).toHaveLength(1);
  });

  it('is not held through children of its process', async () => {
    const lock = lockFile(path);
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    others.push(child);
    await once(child, 'spawn');
    lock?.release();
    const again = lockFile(path);
    expect(again).toBeDefined();
    again?.release();
  });

  it('is anew when its folder was removed and made again', async () => {
    const lock = lockFile(path);
    await rm(path);
    const again = lockFile(path);
    expect(again).toBeDefined();
    lock?.release();
    again?.release();
  });
});
