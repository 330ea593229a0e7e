import { randomUUID } from 'node:crypto';
import { link, readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { processStartTime } from '#children/process-identity';
import { StartFault } from '#config/start-fault';

const BEAT_MS = 2_000;
const SILENT_BEATS = 4;

const HolderSchema = z.object({ id: z.string(), pid: z.number(), started: z.string(), among: z.string() });
type Holder = z.output<typeof HolderSchema>;

/**
 * One process has the folder. Where pids mean the same here and there, the holder's pid and start time tell whether it
 * lives; where they do not (another container or host), a living holder touches the file every two seconds.
 */
export class FolderLock {
  private readonly path: string;
  private readonly id = randomUUID();
  private beat: NodeJS.Timeout | null = null;
  private lost = false;

  constructor(
    private readonly folder: string,
    private readonly beatMs = BEAT_MS,
  ) {
    this.path = join(folder, 'blobs.lock');
  }

  /** Throws StartFault where another living process has it. */
  async take(): Promise<void> {
    const own: Holder = {
      id: this.id,
      pid: process.pid,
      started: processStartTime(process.pid) ?? '',
      among: await pidSpace(),
    };
    const draft = join(this.folder, `blobs.lock.${this.id}`);
    await writeFile(draft, JSON.stringify(own), { mode: 0o600 });
    try {
      while (!(await this.claim(draft))) await this.clearStale(own.among);
    } finally {
      await rm(draft, { force: true });
    }
    this.beat = setInterval(() => void this.touch(), this.beatMs);
    this.beat.unref();
  }

  /** False once somebody else has the folder: nothing may be written then. */
  get held(): boolean {
    return this.beat !== null && !this.lost;
  }

  /** Whether the folder itself is still here, not a bare mount point. */
  async present(): Promise<boolean> {
    return (await this.holder())?.id === this.id;
  }

  async release(): Promise<void> {
    if (this.beat) clearInterval(this.beat);
    this.beat = null;
    if (await this.present()) await rm(this.path, { force: true });
  }

  private async claim(draft: string): Promise<boolean> {
    try {
      await link(draft, this.path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  private async clearStale(among: string): Promise<void> {
    const holder = await this.holder();
    if (holder && (await this.lives(holder, among))) {
      throw new StartFault(
        `Another blobs process (process ${holder.pid}) has the folder ${this.folder}. One folder has one process: stop it, or give this one another ENTREPOT_STORE_FOLDER.`,
      );
    }
    const aside = `${this.path}.stale.${this.id}`;
    await rename(this.path, aside).catch(ignoreAbsent);
    const moved = await readHolder(aside);
    // Somebody was faster and has it anew: what was moved aside is theirs.
    if (moved && moved.id !== holder?.id) await link(aside, this.path).catch(() => {});
    await rm(aside, { force: true });
  }

  private async lives(holder: Holder, among: string): Promise<boolean> {
    if (holder.among === among) return processStartTime(holder.pid) === holder.started;
    const before = await this.touched();
    await delay(this.beatMs * SILENT_BEATS);
    return (await this.touched()) !== before;
  }

  private async touched(): Promise<number | null> {
    return stat(this.path).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    );
  }

  private async touch(): Promise<void> {
    const holder = await this.holder();
    if (holder && holder.id !== this.id) this.lost = true;
    const now = new Date();
    if (!this.lost) await utimes(this.path, now, now).catch(() => {});
  }

  private holder(): Promise<Holder | null> {
    return readHolder(this.path);
  }
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    return HolderSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

/** Two processes with the same answer see the same pids. */
async function pidSpace(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return namespace && boot ? `${namespace}@${boot.trim()}` : hostname();
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
