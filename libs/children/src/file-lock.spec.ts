import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformFileSync } from '@swc/core';
import { lockFile, lockHolder } from './file-lock';

/** Another process of the same program: says `held` or `taken`, and stays. */
function otherProcess(path: string): ChildProcess {
  const { code } = transformFileSync(join(__dirname, 'file-lock.ts'));
  const script = `
    const source = ${JSON.stringify(code)};
    const loaded = { exports: {} };
    const fault = { StartFault: Error };
    new Function('exports', 'require', source)(loaded.exports, (name) => name.startsWith('#') ? fault : require(name));
    console.log(loaded.exports.lockFile(${JSON.stringify(path)}) ? 'held' : 'taken');
    setInterval(() => {}, 1000);
  `;
  return spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
}

const word = async (child: ChildProcess) => String((await once(child.stdout!, 'data'))[0]).trim();

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('a lock on a file', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-lock-'));
    path = join(folder, 'lock');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

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
    const other = otherProcess(path);
    expect(await word(other)).toBe('held');
    expect(lockFile(path)).toBeUndefined();
    expect(lockHolder(path)).toBe(String(other.pid));
    await end(other);
    const lock = lockFile(path);
    expect(lock).toBeDefined();
    lock?.release();
  });

  it('goes to one of many who start at once', async () => {
    const all = Array.from({ length: 8 }, () => otherProcess(path));
    const words = await Promise.all(all.map(word));
    expect(words.filter((each) => each === 'held')).toHaveLength(1);
    await Promise.all(all.map(end));
  });

  it('is not held through children of its process', async () => {
    const lock = lockFile(path);
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    lock?.release();
    const again = lockFile(path);
    expect(again).toBeDefined();
    again?.release();
    await end(child);
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
