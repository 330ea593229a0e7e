import { mkdir, statfs } from 'node:fs/promises';
import { describeWhere } from './describe-where';
import { eventually } from './eventually';
import { runWell } from './run-program';

/** A file system of few bytes in memory, mounted at a folder. Needs root and Linux. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** `size` as mount takes it: `64m`. */
  static async mount(folder: string, size: string, ...options: string[]): Promise<SmallDisk> {
    await mkdir(folder, { recursive: true });
    const settings = [`size=${size}`, ...options].join(',');
    await runWell('mount', ['-t', 'tmpfs', '-o', settings, 'tmpfs', folder]);
    return new SmallDisk(folder);
  }

  async resize(size: string): Promise<void> {
    await runWell('mount', ['-o', `remount,size=${size}`, this.folder]);
  }

  /** Leaves no room beyond what is on it, though somebody may still write: less than is there the kernel refuses. */
  async fill(): Promise<void> {
    await eventually('the disk is full', async () => {
      const { bsize, blocks, bfree } = await statfs(this.folder);
      await this.resize(`${((blocks - bfree) * bsize) / 1024}k`);
      return true;
    });
  }

  async unmount(): Promise<void> {
    await runWell('umount', ['--lazy', this.folder]);
  }
}

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

export const describeWithDisk = (title: string, body: () => void) =>
  describeWhere(canMount ? undefined : 'needs root and Linux, to mount a small disk', title, body);
