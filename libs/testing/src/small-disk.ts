import { mkdir } from 'node:fs/promises';
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

  async unmount(): Promise<void> {
    await runWell('umount', ['--lazy', this.folder]);
  }
}

export const canMount = () => process.platform === 'linux' && process.getuid?.() === 0;
