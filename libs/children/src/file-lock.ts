import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { StartFault } from '#config/start-fault';

export interface FileLock {
  release(): void;
}

/**
 * Holds a file for this process alone, or gives undefined when another process holds it.
 * The kernel keeps the lock (flock) and lets go when the process ends, by kill -9 too; so there is nothing left to clean,
 * no pid to be mistaken for another's, and no moment between finding a lock stale and taking it, in which two starters
 * could both believe they have it. Node has no call for it, but a lock belongs to the open file, not to who asked for
 * it: a helper takes it on a descriptor it inherits from us, and ends. On macOS open(2) itself can take it.
 */
export function lockFile(path: string): FileLock | undefined {
  for (;;) {
    const fd = openLocked(path);
    if (fd === undefined) return undefined;
    if (isStill(fd, path)) {
      ftruncateSync(fd);
      writeSync(fd, `${process.pid}\n`, 0);
      return { release: () => closeSync(fd) };
    }
    closeSync(fd);
  }
}

/** The process that holds the file, as it wrote there itself. For people: only the lock decides. */
export function lockHolder(path: string): string {
  return /^\d+$/.test(readFileSync(path, 'utf8').trim()) ? readFileSync(path, 'utf8').trim() : 'unknown';
}

const O_EXLOCK = 0x20;

function openLocked(path: string): number | undefined {
  const flags = constants.O_RDWR | constants.O_CREAT;
  if (process.platform !== 'darwin') return takeByHelper(openSync(path, flags, 0o600));
  try {
    return openSync(path, flags | O_EXLOCK | constants.O_NONBLOCK, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

/** util-linux, BusyBox and Perl: one of them is on every Linux. Each ends with 1 when another holds the lock. */
const HELPERS = [
  ['flock', '-x', '-n', '3'],
  ['perl', '-e', 'open(my $f, "+<&=", 3) or exit 2; flock($f, 2 | 4) or exit 1'],
] as const;

function takeByHelper(fd: number): number | undefined {
  for (const [command, ...args] of HELPERS) {
    const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'ignore', fd] });
    if (status === 0) return fd;
    if (error) continue;
    closeSync(fd);
    if (status === 1) return undefined;
    throw new StartFault(`A file could not be locked: ${command} ended with ${status}.`);
  }
  closeSync(fd);
  throw new StartFault('A file could not be locked: there is neither flock (util-linux) nor perl here.');
}

/** A folder that was removed and made again has another file of this name. */
function isStill(fd: number, path: string): boolean {
  const ours = fstatSync(fd);
  const there = statSync(path, { throwIfNoEntry: false });
  return there?.ino === ours.ino && there.dev === ours.dev;
}
