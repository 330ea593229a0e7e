import { access, constants, type FileHandle, open, stat, statfs, truncate, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Stretch } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';
import { explainFolderFault } from '#config/explain-folder-fault';
import { durable } from '#config/failpoint';
import type { Extent } from '#contracts/calls/sessions';
import { blobUploadUnknown, RegistryError, unavailable } from '#oci/registry-error';
import { BoundedCache } from '../read/bounded-cache';
import { Gate } from '../upload/gate';
import { BlobDriver, MissingBytes, type StoredObject } from './blob-driver';
import { checkStoreFolder } from './check-store-folder';
import { FolderBytes } from './folder-bytes';
import { FolderLock } from './folder-lock';
import { FolderSegments } from './folder-segments';
import { FolderShelves } from './folder-shelves';
import { isAbsent, storageFault, storeIsFull } from './storage-fault';
import { writeAll } from './write-all';

/** Half of Node's four file threads: reads go on while a slow disk makes writes durable. */
const WRITES_AT_ONCE = 2;
const REMEMBERED_PURGES = 100_000;

/** One file an object, written at offsets; one process has the folder. */
export class FolderDriver extends BlobDriver {
  override readonly composer = null;
  override readonly parallelWrites = 1;
  private readonly folder: string;
  private readonly shelves: FolderShelves;
  private readonly segments: FolderSegments;
  private readonly lock: FolderLock;
  private readonly writes = new Gate(WRITES_AT_ONCE);
  private readonly running = new Map<string, Promise<unknown>>();
  /** A writer that has not heard of it must not make the file again. Who wrote before this process began is dead. */
  private readonly purged = new BoundedCache<boolean>(REMEMBERED_PURGES);

  /**
   * `reserveBytes` stay free: the database may lie on the same disk, and without a row written nothing that fills it
   * could be given up again.
   */
  constructor(
    folder: string,
    private readonly reserveBytes = 0,
  ) {
    super();
    this.folder = resolve(folder);
    this.shelves = new FolderShelves(this.folder);
    this.segments = new FolderSegments(this.folder);
    this.lock = new FolderLock(this.folder);
  }

  override async open(): Promise<void> {
    try {
      await checkStoreFolder(this.folder);
      await this.shelves.build();
      await this.lock.take();
    } catch (error) {
      throw explainFolderFault('ENTREPOT_STORE_FOLDER', this.folder, error);
    }
  }

  override async close(): Promise<void> {
    await Promise.allSettled(this.running.values());
    await this.lock.release();
  }

  override async check(): Promise<{ freeBytes: number }> {
    this.mustHold();
    if (!(await this.lock.present())) throw unavailable('the folder of the store', 5);
    try {
      await access(this.shelves.folder, constants.W_OK);
      return { freeBytes: await this.freeBytes() };
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
      const path = this.shelves.path(object);
      if ((await stat(path)).size > size) await truncate(path, size);
    }).catch((error: unknown) => this.forgiveAbsent(error));
  }

  override read(object: string, extents: readonly Extent[], stretch: Stretch): ByteSource {
    const last = extents.at(-1);
    const size = last ? last.offset + last.length : stretch.end;
    return new FolderBytes(this.shelves.path(object), stretch, size, async (error) => {
      if (error instanceof MissingBytes) return error;
      if (isAbsent(error) && (await this.lock.present())) return new MissingBytes('the file of the object is gone');
      return storageFault(error);
    });
  }

  override async purge(object: string): Promise<void> {
    const purge = async () => {
      this.purged.set(object, true);
      await durable('blobs.unlink-object', () => unlink(this.shelves.path(object)));
    };
    await this.inTurn(object, purge).catch((error: unknown) => this.forgiveAbsent(error));
  }

  /** An object is one file: where any key of it is kept, it stays. */
  override async drop(object: string, keep: ReadonlySet<string>, ageMs: number): Promise<number | null> {
    await this.check();
    const found = await stat(this.shelves.path(object)).catch((error: unknown) => this.forgiveAbsent(error));
    if (!found || keep.size > 0) return 0;
    if (Date.now() - found.mtimeMs < ageMs) return null;
    await this.purge(object);
    return 1;
  }

  override quarantine(object: string): Promise<void> {
    return this.whileHere(() => this.shelves.quarantine(object));
  }

  override async list(
    after: string | undefined,
    limit: number,
  ): Promise<{ stored: StoredObject[]; next: string | null }> {
    // What is not mounted must not look empty.
    await this.check();
    const stored: StoredObject[] = [];
    try {
      for await (const row of this.shelves.list(after)) {
        if (stored.length >= limit) return { stored, next: stored.at(-1)!.key };
        stored.push(row);
      }
    } catch (error) {
      throw storageFault(error);
    }
    return { stored, next: null };
  }

  override readSegment(name: string): Promise<Buffer | null> {
    return this.whileHere(() => this.segments.read(name));
  }

  override lastSegment(after: string): Promise<string | null> {
    return this.whileHere(() => this.segments.last(after));
  }

  override listJournals(): Promise<string[]> {
    return this.whileHere(() => this.segments.folders());
  }

  override listSegments(after: string, limit: number): Promise<string[]> {
    return this.whileHere(() => this.segments.list(after, limit));
  }

  override writeSegment(name: string, bytes: Uint8Array): Promise<void> {
    return this.whileHere(() => this.segments.write(name, bytes));
  }

  /** Nothing is made, and nothing said to be absent, where the store is not mounted. */
  private async whileHere<T>(work: () => Promise<T>): Promise<T> {
    await this.check();
    return work().catch((error: unknown) => {
      throw storageFault(error);
    });
  }

  /** One change of an object at a time, and whoever takes its writing can wait for it. */
  private async inTurn<T>(object: string, change: () => Promise<T>): Promise<T> {
    const before = this.running.get(object) ?? Promise.resolve();
    const turn = before
      .catch(() => {})
      .then(() => {
        this.mustHold();
        return change();
      });
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

  private async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.shelves.folder);
    return bavail * bsize;
  }

  /** No file is as good as one that was removed, unless the whole folder is not there. */
  private async forgiveAbsent(error: unknown): Promise<void> {
    if (!isAbsent(error) || !(await this.lock.present())) throw storageFault(error);
  }

  private async writeExtent(object: string, offset: number, chunks: readonly Buffer[]): Promise<void> {
    if (this.purged.get(object)) throw blobUploadUnknown(object);
    try {
      if ((await this.freeBytes()) - bytesOf(chunks) < this.reserveBytes) throw storeIsFull();
      const { file, isNew } = await this.openToWrite(object);
      try {
        await writeAll(file, chunks, offset);
        await durable('blobs.fsync-extent', () => file.datasync());
      } finally {
        await file.close();
      }
      // The first extent names the file: without its folder on disk a crash would lose what was acknowledged.
      if (isNew || offset === 0) await this.shelves.sync(object);
    } catch (error) {
      throw storageFault(error);
    }
  }

  private async openToWrite(object: string): Promise<{ file: FileHandle; isNew: boolean }> {
    const path = this.shelves.path(object);
    try {
      return { file: await open(path, 'r+'), isNew: false };
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await this.shelves.add(object);
      return { file: await open(path, 'wx+', 0o600), isNew: true };
    }
  }
}

function bytesOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}
