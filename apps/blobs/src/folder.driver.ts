import {
  access,
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  stat,
  statfs,
  truncate,
  unlink,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Stretch } from '#calls/byte-plane';
import { durable } from '#config/failpoint';
import type { Extent } from '#contracts/calls/sessions';
import { RegistryError, unavailable } from '#oci/registry-error';
import { BlobDriver, type ByteSource, MissingBytes, type StoredObject } from './blob-driver';
import { FolderBytes, isAbsent } from './folder-bytes';
import { FolderLock } from './folder-lock';
import { Gate } from './gate';
import { storageFault } from './storage-fault';

/** Half of Node's four file threads: reads go on while a slow disk makes writes durable. */
const WRITES_AT_ONCE = 2;
const SHELF_CHARACTERS = 6;

/**
 * One file an object, `objects/<aaaaaa>/<id>`, written at offsets. The shelf is the start of the id: ids begin with
 * their time, so a shelf holds some hours' objects, and shelf after shelf is the order of ids.
 */
export class FolderDriver extends BlobDriver {
  override readonly parallelWrites = 1;
  private readonly objects: string;
  private readonly lock: FolderLock;
  private readonly writes = new Gate(WRITES_AT_ONCE);
  private readonly running = new Map<string, Promise<unknown>>();
  private readonly shelves = new Set<string>();

  constructor(folder: string) {
    super();
    this.objects = join(resolve(folder), 'objects');
    this.lock = new FolderLock(resolve(folder));
  }

  override async open(): Promise<void> {
    await mkdir(this.objects, { recursive: true });
    await this.lock.take();
    await this.syncFolder(this.objects);
    await this.syncFolder(join(this.objects, '..'));
  }

  override async close(): Promise<void> {
    await Promise.allSettled(this.running.values());
    await this.lock.release();
  }

  override async check(): Promise<{ freeBytes: number }> {
    this.mustHold();
    if (!(await this.lock.present())) throw unavailable('the folder of the store', 5);
    try {
      await access(this.objects, constants.W_OK);
      const { bavail, bsize } = await statfs(this.objects);
      return { freeBytes: bavail * bsize };
    } catch (error) {
      throw storageFault(error);
    }
  }

  override async write(object: string, offset: number, chunks: readonly Buffer[]): Promise<null> {
    await this.inTurn(object, () => this.writes.run(() => this.writeExtent(object, offset, chunks)));
    return null;
  }

  override async takeWriting(object: string): Promise<void> {
    await this.running.get(object)?.catch(() => {});
  }

  override async trim(object: string, size: number): Promise<void> {
    await this.inTurn(object, async () => {
      this.mustHold();
      try {
        if ((await stat(this.path(object))).size > size) await truncate(this.path(object), size);
      } catch (error) {
        if (!isAbsent(error)) throw storageFault(error);
      }
    });
  }

  override read(object: string, extents: readonly Extent[], stretch: Stretch): ByteSource {
    const last = extents.at(-1);
    const size = last ? last.offset + last.length : stretch.end;
    return new FolderBytes(this.path(object), stretch, size, async (error) => {
      if (error instanceof MissingBytes) return error;
      if (isAbsent(error) && (await this.lock.present())) return new MissingBytes('the file of the object is gone');
      return storageFault(error);
    });
  }

  override async purge(object: string): Promise<void> {
    await this.inTurn(object, async () => {
      this.mustHold();
      try {
        await durable('blobs.unlink-object', () => unlink(this.path(object)));
      } catch (error) {
        if (!isAbsent(error) || !(await this.lock.present())) throw storageFault(error);
      }
    });
  }

  override async list(
    after: string | undefined,
    limit: number,
  ): Promise<{ stored: StoredObject[]; next: string | null }> {
    const stored: StoredObject[] = [];
    try {
      for await (const [shelf, name] of this.files(after)) {
        if (stored.length >= limit) return { stored, next: stored.at(-1)!.key };
        const row = await this.describe(shelf, name);
        if (row) stored.push(row);
      }
    } catch (error) {
      throw storageFault(error);
    }
    return { stored, next: null };
  }

  /** Files in the order of their keys; what lies beside the shelves has an empty name. */
  private async *files(after = ''): AsyncGenerator<[shelf: string, name: string]> {
    const shelves = await readdir(this.objects, { withFileTypes: true });
    for (const entry of shelves.sort((one, other) => (one.name < other.name ? -1 : 1))) {
      const shelf = entry.name;
      if (keyOf(shelf, '\uffff') <= after) continue;
      const names = entry.isDirectory() ? await readdir(join(this.objects, shelf)) : [''];
      for (const name of names.sort()) if (keyOf(shelf, name) > after) yield [shelf, name];
    }
  }

  /** Null for a file that went while it was being listed. */
  private async describe(shelf: string, name: string): Promise<StoredObject | null> {
    const key = keyOf(shelf, name);
    const object = z.uuid().safeParse(name).success && shelfOf(name) === shelf ? name : null;
    try {
      return { key, object, bytes: (await stat(join(this.objects, shelf, name))).size };
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  private path(object: string): string {
    return join(this.objects, shelfOf(object), object);
  }

  /** One write of an object at a time, and whoever takes its writing can wait for it. */
  private async inTurn<T>(object: string, work: () => Promise<T>): Promise<T> {
    const before = this.running.get(object);
    const turn = (before ?? Promise.resolve()).catch(() => {}).then(work);
    this.running.set(object, turn);
    try {
      return await turn;
    } finally {
      if (this.running.get(object) === turn) this.running.delete(object);
    }
  }

  private mustHold(): void {
    if (!this.lock.held) throw new RegistryError('UNAVAILABLE', 'another process has taken the folder of the store');
  }

  private async writeExtent(object: string, offset: number, chunks: readonly Buffer[]): Promise<void> {
    this.mustHold();
    try {
      const { file, isNew } = await this.openToWrite(object);
      try {
        await writeAll(file, chunks, offset);
        await durable('blobs.fsync-extent', () => file.datasync());
      } finally {
        await file.close();
      }
      // The first extent names the file: without its folder on disk a crash would lose what was acknowledged.
      if (isNew || offset === 0) await this.syncFolder(join(this.objects, shelfOf(object)));
    } catch (error) {
      throw storageFault(error);
    }
  }

  private async openToWrite(object: string): Promise<{ file: FileHandle; isNew: boolean }> {
    try {
      return { file: await open(this.path(object), 'r+'), isNew: false };
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await this.addShelf(shelfOf(object));
      return { file: await open(this.path(object), 'wx+', 0o600), isNew: true };
    }
  }

  /** Never the folder of the shelves: where that is gone, the store is not mounted. */
  private async addShelf(shelf: string): Promise<void> {
    if (this.shelves.has(shelf)) return;
    await mkdir(join(this.objects, shelf)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await this.syncFolder(this.objects);
    this.shelves.add(shelf);
  }

  private async syncFolder(path: string): Promise<void> {
    const folder = await open(path, 'r');
    try {
      await durable('blobs.fsync-folder', () => folder.sync());
    } finally {
      await folder.close();
    }
  }
}

function shelfOf(object: string): string {
  return object.slice(0, SHELF_CHARACTERS);
}

function keyOf(shelf: string, name: string): string {
  return name ? `objects/${shelf}/${name}` : `objects/${shelf}`;
}

async function writeAll(file: FileHandle, chunks: readonly Buffer[], offset: number): Promise<void> {
  let position = offset;
  let left = [...chunks];
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, position);
    position += bytesWritten;
    left = after(left, bytesWritten);
  }
}

/** What is left of the chunks after their first bytes: a disk that fills up takes a part. */
function after(chunks: Buffer[], written: number): Buffer[] {
  let skip = written;
  const index = chunks.findIndex((chunk) => {
    if (skip < chunk.length) return true;
    skip -= chunk.length;
    return false;
  });
  return index < 0 ? [] : [chunks[index]!.subarray(skip), ...chunks.slice(index + 1)];
}
