import { link, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { durable } from '#config/failpoint';
import type { StoredObject } from './blob-driver';
import { isAbsent } from './storage-fault';
import { syncFolder } from './sync-folder';

const SHELF_CHARACTERS = 6;

/**
 * Where files lie: `objects/<aaaaaa>/<id>`. The shelf is the start of the id: ids begin with their time, so a shelf
 * holds some hours' objects, and shelf after shelf is the order of ids.
 */
export class FolderShelves {
  readonly folder: string;
  private readonly known = new Set<string>();

  constructor(private readonly root: string) {
    this.folder = join(root, 'objects');
  }

  path(object: string): string {
    return join(this.folder, shelfOf(object), object);
  }

  /** Makes what all shelves lie in, durably. */
  async build(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await syncFolder(this.folder);
    await syncFolder(this.root);
  }

  /** Makes an object's shelf; never the folder of the shelves: where that is gone, the store is not mounted. */
  async add(object: string): Promise<void> {
    const shelf = shelfOf(object);
    if (this.known.has(shelf)) return;
    await mkdir(join(this.folder, shelf)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await syncFolder(this.folder);
    this.known.add(shelf);
  }

  /** Makes the names on an object's shelf durable. */
  async sync(object: string): Promise<void> {
    await syncFolder(join(this.folder, shelfOf(object)));
  }

  /** A second name of the same bytes: the purge of the first leaves it. One that has no file has nothing to keep. */
  async quarantine(object: string): Promise<void> {
    const folder = join(this.root, 'quarantine');
    if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(this.root);
    await durable('blobs.link-quarantined', () => link(this.path(object), join(folder, object))).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST' && !isAbsent(error)) throw error;
      },
    );
    await syncFolder(folder);
  }

  /** What lies here, in the order of keys, after the key `after`. */
  async *list(after = ''): AsyncGenerator<StoredObject> {
    const shelves = await readdir(this.folder, { withFileTypes: true });
    for (const entry of shelves.sort((one, other) => (one.name < other.name ? -1 : 1))) {
      const shelf = entry.name;
      if (keyOf(shelf, '\uffff') <= after) continue;
      // What lies beside the shelves has no name on one.
      const names = entry.isDirectory() ? await readdir(join(this.folder, shelf)) : [''];
      for (const name of names.sort()) {
        const row = keyOf(shelf, name) > after && (await this.describe(shelf, name));
        if (row) yield row;
      }
    }
  }

  /** Null for a file that went while it was being listed. */
  private async describe(shelf: string, name: string): Promise<StoredObject | null> {
    const object = z.uuid().safeParse(name).success && shelfOf(name) === shelf ? name : null;
    try {
      return { key: keyOf(shelf, name), object, bytes: (await stat(join(this.folder, shelf, name))).size };
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }
}

function shelfOf(object: string): string {
  return object.slice(0, SHELF_CHARACTERS);
}

function keyOf(shelf: string, name: string): string {
  return name ? `objects/${shelf}/${name}` : `objects/${shelf}`;
}
