import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { z } from 'zod';
import type { Stretch } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';
import type { Extent } from '#contracts/calls/sessions';
import { parseSegmentName } from '../journal/segment-name';
import { BlobDriver, type StoredExtent, type StoredObject } from './blob-driver';
import { explainStorageFault } from './explain-storage-fault';
import { S3Client, type S3Settings } from './s3.client';
import { S3Bytes } from './s3-bytes';
import { composedKey, PREFIX, S3Composer } from './s3-composer';
import { type PublicStorage, S3Links } from './s3-links';
import { abortMultiparts, copyKey } from './s3-multipart';
import { SeenKeys } from './seen-keys';

const JOURNAL = 'journal/';
const QUARANTINE = 'quarantine/';
const KEYS_AT_ONCE = 1000;
/** Checks within this time are one, in milliseconds: whoever asks costs the store nothing. */
const SAME_CHECK_MS = 5_000;
/** A store that takes longer to answer a check is away, in milliseconds. */
const CHECK_MS = 1_500;

/**
 * Any S3 API. Each extent is one PUT under a key of its own, `objects/<id>/<offset>-<random>`: a late PUT of an overtaken
 * writer hits nothing that is read. What no row names is left for reconcile.
 */
export class MinioDriver extends BlobDriver {
  override readonly parallelWrites = 3;
  private readonly log = new Logger('Blobs');
  private readonly client: S3Client;
  override readonly composer: S3Composer;
  private readonly links: S3Links | null;
  private readonly seen: SeenKeys;
  private checked: { readonly at: number; readonly found: Promise<void> } | undefined;

  /** With `storage`, clients may be sent there. */
  constructor(
    private readonly settings: S3Settings,
    storage: PublicStorage | null = null,
  ) {
    super();
    this.client = new S3Client(settings);
    this.links = storage && new S3Links(settings.bucket, settings, storage);
    this.composer = new S3Composer(this.client);
    const look = (key: string) => this.client.sizeOf(key, AbortSignal.timeout(CHECK_MS));
    this.seen = new SeenKeys(look, () => performance.now());
  }

  /** A store that is away does not stop the start: until it answers, every use is UNAVAILABLE. */
  override async open(): Promise<void> {
    await this.client.ready().catch((error: unknown) => {
      this.log.error(`the store cannot be used yet: ${explainStorageFault(error, this.settings)}`);
    });
  }

  override async close(): Promise<void> {
    this.client.close();
  }

  override async check(): Promise<{ freeBytes: null }> {
    const now = performance.now();
    if (!this.checked || now - this.checked.at > SAME_CHECK_MS) {
      this.checked = { at: now, found: this.client.check(AbortSignal.timeout(CHECK_MS)) };
    }
    await this.checked.found;
    return { freeBytes: null };
  }

  override async write(
    object: string,
    offset: number,
    chunks: readonly Buffer[],
    signal: AbortSignal,
    sha256?: string,
  ): Promise<string> {
    // With its offset, so that what no row names can be put together again.
    const key = `${PREFIX}${object}/${offset.toString(16).padStart(12, '0')}-${randomUUID()}`;
    await this.client.put(key, chunks, signal, sha256);
    return key;
  }

  /** Nothing to wait for: no two writers share a key. */
  override async takeWriting(): Promise<void> {}

  /** Other writers' bytes lie under other keys. */
  override async trim(): Promise<void> {}

  override read(_object: string, extents: readonly Extent[], stretch: Stretch): ByteSource {
    return new S3Bytes(this.client, extents, stretch);
  }

  /** What storage does not say that it has is read through here: then it is known what is wrong, and said. */
  override async locate(extents: readonly Extent[]): Promise<string | null> {
    const [only] = extents;
    if (this.links === null || extents.length !== 1 || !only || only.key === null) return null;
    return (await this.seen.has(only.key, only.length)) ? this.links.link(only.key) : null;
  }

  /** Uploads of parts first: one that completed before it was aborted has left a key. */
  override async purge(object: string): Promise<void> {
    await abortMultiparts(this.client, composedKey(object));
    let keys: string[] = [];
    for await (const { key } of this.client.list(`${PREFIX}${object}/`)) {
      keys.push(key);
      if (keys.length < KEYS_AT_ONCE) continue;
      await this.client.remove(keys);
      keys = [];
    }
    if (keys.length > 0) await this.client.remove(keys);
  }

  /** Their age is told by the store's clock, by which this process' may be wrong: the grace is the larger part of it. */
  override async drop(object: string, keep: ReadonlySet<string>, ageMs: number): Promise<number | null> {
    const strays: string[] = [];
    for await (const { key, changedAt } of this.client.list(`${PREFIX}${object}/`)) {
      if (keep.has(key)) continue;
      if (changedAt === null || Date.now() - changedAt.getTime() < ageMs) return null;
      strays.push(key);
    }
    // Nobody composes an object that has no row.
    if (keep.size === 0) await abortMultiparts(this.client, composedKey(object));
    for (let at = 0; at < strays.length; at += KEYS_AT_ONCE)
      await this.client.remove(strays.slice(at, at + KEYS_AT_ONCE));
    return strays.length;
  }

  override async quarantine(object: string): Promise<void> {
    const { signal } = new AbortController();
    for await (const stored of this.client.list(`${PREFIX}${object}/`))
      await copyKey(this.client, stored, `${QUARANTINE}${stored.key.slice(PREFIX.length)}`, signal);
  }

  override async list(
    after: string | undefined,
    limit: number,
  ): Promise<{ stored: StoredObject[]; next: string | null }> {
    const stored: { key: string; object: string | null; bytes: number; extents: StoredExtent[] }[] = [];
    for await (const { key, bytes, changedAt } of this.client.list(PREFIX, after && lastKeyOf(after))) {
      const object = objectOf(key);
      let row = stored.at(-1);
      if (!row || object === null || row.object !== object) {
        if (stored.length >= limit) return { stored, next: stored.at(-1)!.key };
        row = { key: object === null ? key : `${PREFIX}${object}/`, object, bytes: 0, extents: [] };
        stored.push(row);
      }
      row.bytes += bytes;
      row.extents.push({ key, bytes, writtenAt: changedAt });
    }
    return { stored, next: null };
  }

  override async readSegment(name: string): Promise<Buffer | null> {
    for await (const { key, bytes } of this.client.list(`${JOURNAL}${name}`)) {
      if (key === `${JOURNAL}${name}`) return this.readWhole(key, bytes);
    }
    return null;
  }

  override async lastSegment(after: string): Promise<string | null> {
    let last: string | null = null;
    const folder = `${JOURNAL}${after.slice(0, after.lastIndexOf('/') + 1)}`;
    for await (const { key } of this.client.list(folder, `${JOURNAL}${after}`)) {
      const name = key.slice(JOURNAL.length);
      if (parseSegmentName(name)) last = name;
    }
    return last;
  }

  /** The first key of each, behind all keys of the one before: `0` follows `/`. */
  override async listJournals(): Promise<string[]> {
    const folders: string[] = [];
    for (let after = ''; ; after = `${JOURNAL}${folders.at(-1)}0`) {
      const { value: first } = await this.client.list(JOURNAL, after).next();
      if (!first) return folders;
      folders.push(first.key.slice(JOURNAL.length).split('/')[0]!);
    }
  }

  override async listSegments(after: string, limit: number): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of this.client.list(JOURNAL, `${JOURNAL}${after}`)) {
      if (found.push(key.slice(JOURNAL.length)) >= limit) break;
    }
    return found;
  }

  override async writeSegment(name: string, bytes: Uint8Array): Promise<void> {
    await this.client.put(`${JOURNAL}${name}`, [Buffer.from(bytes)], new AbortController().signal);
  }

  private async readWhole(key: string, length: number): Promise<Buffer> {
    const source = new S3Bytes(this.client, [{ offset: 0, length, key }], { start: 0, end: length });
    const parts: Buffer[] = [];
    try {
      for (let part = await source.next(); part; part = await source.next()) parts.push(Buffer.from(part));
      return Buffer.concat(parts);
    } finally {
      await source.close();
    }
  }
}

/** The object whose prefix a key lies under; null where it belongs to no object's layout. */
function objectOf(key: string): string | null {
  const [, id] = /^objects\/([^/]+)\/[^/]+$/.exec(key) ?? [];
  return z.uuid().safeParse(id).success ? id! : null;
}

/** No key of an object's prefix is listed again: `0` follows `/`. */
function lastKeyOf(after: string): string {
  return after.endsWith('/') ? `${after.slice(0, -1)}0` : after;
}
