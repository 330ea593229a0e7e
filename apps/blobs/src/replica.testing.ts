import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import type { ObjectReading, ReadOptions } from '#calls/byte-plane';
import { type Grant, signCapability } from '#calls/capability';
import { ReadBuffers } from '#calls/read-buffers';
import { FinishUpload } from '#contracts/calls/sessions';
import type { AnswerOf } from '#contracts/define-call';
import type { Bus } from '#messaging/bus';
import { type Digest, digestOf } from '#oci/digest';
import { MemoryBus } from '#testing/memory-bus';
import { type BookSession, SessionBook } from '#testing/session-book';
import { waitUntil } from '#testing/wait-until';
import { type BlobsConfig, BlobsConfigSchema } from './blobs.config';
import { BlobsController } from './blobs.controller';
import { ComposingHandler } from './compose/composing.handler';
import type { BlobDriver } from './driver/blob-driver';
import { JournalHandler } from './journal/journal.handler';
import { RightStore } from './journal/right-store';
import { StraysHandler } from './journal/strays.handler';
import { LocalBytePlane } from './local-byte-plane';
import { FollowedObjects } from './read/followed-objects';
import { HashObjectHandler } from './read/hash-object.handler';
import { HotBlobs } from './read/hot-blobs';
import { LinkGrace } from './read/link-grace';
import { ObjectReader } from './read/object-reader';
import { OwnTails } from './read/own-tails';
import { ReadLeases } from './read/read-leases';
import { RemoteTails } from './read/remote-tails';
import { SettledObjects } from './read/settled-objects';
import { FinishUploadHandler } from './upload/finish-upload.handler';
import { MemoryBudget } from './upload/memory-budget';
import { UploadSessions } from './upload/upload-sessions';

export const KIB = 1024;

/** Small extents, short waits; the rules are the same. */
export const SMALL: Partial<BlobsConfig> = {
  ENTREPOT_EXTENT_BYTES: 256 * KIB,
  ENTREPOT_FIRST_EXTENT_BYTES: 32 * KIB,
  ENTREPOT_LINGER_MS: 50,
  ENTREPOT_FOLLOW_POLL_MS: 50,
  ENTREPOT_HOT_BLOB_BYTES: 16 * KIB,
  ENTREPOT_S3_TIMEOUT_MS: 2_000,
};

/** A store that a suite runs on, and what a spec may do behind its back. */
export interface StoreUnderTest {
  readonly driver: BlobDriver;
  /** What another replica has: the same one where the store has one process. */
  readonly other: BlobDriver;
  /** Loses the bytes of an object. */
  lose(object: string): Promise<void>;
  /** Cuts the last byte of an object. */
  cut(object: string): Promise<void>;
  /** Changes one byte of an object. */
  spoil(object: string): Promise<void>;
  /** The bytes of an object that were kept aside. */
  quarantined(object: string): Promise<Buffer>;
  /** Puts a file or key there that belongs to no object. */
  stray(): Promise<void>;
  close(): Promise<void>;
}

export const SECRET = Buffer.alloc(32, 7);

/** One replica of `blobs`: everything but Nest. Those that hear each other have one bus. */
export class Replica {
  readonly config: BlobsConfig;
  readonly budget: MemoryBudget;
  readonly followed: FollowedObjects;
  readonly plane: LocalBytePlane;
  readonly controller: BlobsController;
  readonly composing: ComposingHandler;
  readonly tails: OwnTails;
  private readonly remote: RemoteTails;
  private readonly leases: ReadLeases;

  constructor(
    readonly driver: BlobDriver,
    readonly book: SessionBook,
    overrides: Partial<BlobsConfig> = {},
    memoryBus = new MemoryBus(),
    /** Where others ask it for what it has in memory. */
    ownUrl: string | null = null,
  ) {
    const bus = memoryBus as unknown as Bus;
    this.config = { ...BlobsConfigSchema.parse({}), ...SMALL, ...overrides };
    this.budget = new MemoryBudget(this.config.ENTREPOT_WRITE_MEMORY_BYTES);
    this.remote = new RemoteTails(SECRET, ownUrl, this.config);
    this.followed = new FollowedObjects(book, bus, this.remote, this.config);
    this.followed.onModuleInit();
    const right = new RightStore(book, driver);
    const settled = new SettledObjects(book, right);
    const hot = new HotBlobs(driver, settled, this.config);
    this.leases = new ReadLeases(book, this.config);
    const buffers = new ReadBuffers(this.config.ENTREPOT_READ_MEMORY_BYTES);
    this.tails = new OwnTails(this.followed, buffers, SECRET);
    const reader = new ObjectReader(
      driver,
      settled,
      this.followed,
      hot,
      this.leases,
      buffers,
      new LinkGrace(book, this.config),
    );
    const sessions = new UploadSessions(driver, book, this.followed, this.budget, this.config, ownUrl);
    const finishing = new FinishUploadHandler(sessions, driver, book, this.followed);
    this.plane = new LocalBytePlane(reader, sessions, SECRET);
    const hashing = new HashObjectHandler(driver, book);
    this.composing = new ComposingHandler(driver, book, bus, settled, this.config);
    const { composing, config } = this;
    const journal = new JournalHandler(book, driver, config);
    const strays = new StraysHandler(driver, book, journal, config);
    this.controller = new BlobsController(
      driver,
      finishing,
      hashing,
      settled,
      hot,
      sessions,
      composing,
      strays,
      journal,
      right,
      config,
    );
  }

  append(
    session: BookSession,
    offset: number,
    body: Readable | Buffer,
    signal?: AbortSignal,
  ): Promise<{ offset: number }> {
    const stream = Buffer.isBuffer(body) ? streamOf(body) : body;
    return this.plane.append(capability('append', session.id), session.id, offset, stream, signal ? { signal } : {});
  }

  finish(session: BookSession, digest: Digest, size?: number): Promise<AnswerOf<typeof FinishUpload>> {
    return this.controller.finishUpload(FinishUpload.question.parse({ session: session.id, digest, size }));
  }

  read(object: string, options?: ReadOptions): Promise<ObjectReading> {
    return this.plane.read(capability('read', object), object, options);
  }

  /** Stores a blob and answers its object. */
  async store(bytes: Buffer): Promise<string> {
    const session = this.book.openNow();
    await this.append(session, 0, bytes);
    return (await this.finish(session, digestOf(bytes))).object;
  }

  async stop(): Promise<void> {
    this.followed.onModuleDestroy();
    this.remote.onModuleDestroy();
    await Promise.all([this.leases.onModuleDestroy(), this.composing.onModuleDestroy()]);
  }
}

export function capability(method: Grant['method'], object: string, expires = Date.now() + 60_000): string {
  return signCapability(SECRET, { method, object, expires });
}

/** The bytes in chunks of 64 KiB, as a socket brings them. */
export function streamOf(bytes: Buffer): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 64 * KIB) chunks.push(bytes.subarray(at, at + 64 * KIB));
  return Readable.from(chunks, { objectMode: false });
}

/** A stream that the spec feeds. */
export class Feed extends PassThrough {
  async feed(bytes: Buffer): Promise<void> {
    if (!this.write(bytes)) await once(this, 'drain');
  }
}

/** Reads a stream while it comes. */
export class Reader {
  readonly ended: Promise<Buffer>;
  private readonly parts: Buffer[] = [];
  length = 0;

  constructor(readonly stream: Readable) {
    this.ended = this.collect();
    this.ended.catch(() => {});
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }

  async has(length: number): Promise<void> {
    await waitUntil(`byte ${length} of a read`, () => this.length >= length || this.stream.destroyed);
    if (this.length < length) throw new Error(`the stream was cut at ${this.length} of ${length} bytes`);
  }

  private async collect(): Promise<Buffer> {
    for await (const chunk of this.stream) {
      this.parts.push(chunk as Buffer);
      this.length += (chunk as Buffer).length;
    }
    return this.bytes;
  }
}

export async function readAll(reading: ObjectReading): Promise<Buffer> {
  return new Reader(reading.stream).ended;
}
