import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { durable } from '#config/failpoint';
import { parseSegmentName } from '../journal/segment-name';
import { isAbsent } from './storage-fault';
import { syncFolder } from './sync-folder';

const DRAFT = '.new';

/** Where the journal lies in a folder: `journal/<name>`, each segment a file that is whole or not there. */
export class FolderSegments {
  private readonly folder: string;

  constructor(private readonly root: string) {
    this.folder = join(root, 'journal');
  }

  async read(name: string): Promise<Buffer | null> {
    try {
      return await readFile(join(this.folder, name));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  async last(after: string): Promise<string | null> {
    const folder = dirname(after);
    const names = (await this.namesIn(folder)).map((name) => `${folder}/${name}`);
    const later = names.filter((name) => parseSegmentName(name) && name > after).sort();
    return later.at(-1) ?? null;
  }

  async folders(): Promise<string[]> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async list(after: string, limit: number): Promise<string[]> {
    const found: string[] = [];
    const [from] = after.split('/');
    for (const folder of (await this.folders()).filter((name) => name >= from!).sort()) {
      const names = (await this.namesIn(folder)).map((name) => `${folder}/${name}`);
      found.push(...names.filter((name) => !name.endsWith(DRAFT) && name > after).sort());
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /** Made aside, and given its name once it is durable. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.folder, name);
    await this.build(dirname(path));
    const file = await open(`${path}${DRAFT}`, 'w', 0o600);
    try {
      await file.writeFile(bytes);
      await durable('blobs.fsync-segment', () => file.datasync());
    } finally {
      await file.close();
    }
    await durable('blobs.rename-segment', () => rename(`${path}${DRAFT}`, path));
    await syncFolder(dirname(path));
  }

  private async namesIn(folder: string): Promise<string[]> {
    return readdir(join(this.folder, folder)).catch((error: unknown) => {
      if (isAbsent(error)) return [];
      throw error;
    });
  }

  private async build(folder: string): Promise<void> {
    if ((await mkdir(folder, { recursive: true })) === undefined) return;
    await syncFolder(this.folder);
    await syncFolder(this.root);
  }
}
