import { createHash } from 'node:crypto';
import type http from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Client } from 'minio';
import type { ByteSource } from '#calls/byte-source';
import { durable } from '#config/failpoint';
import { unavailable } from '#oci/registry-error';
import { MissingBytes } from './blob-driver';
import { explainStorageFault } from './explain-storage-fault';
import { judgeStorageError } from './judge-storage-error';
import { S3Answer } from './s3-answer';
import { CONNECTION_BYTES, S3Transport } from './s3-transport';
import { storageFault, storeIsFull } from './storage-fault';
import { StoreBusy } from './store-busy';
import { StreamBytes } from './stream-bytes';

export interface S3Settings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** How long a request may stay without a byte moving, in milliseconds. */
  readonly timeoutMs: number;
}

export interface StoredKey {
  readonly key: string;
  readonly bytes: number;
  /** Which bytes these are, in the store's own way. */
  readonly etag: string;
  /** When it was written, by the store's clock; null where it does not say. */
  readonly changedAt: Date | null;
}

const ATTEMPTS = 4;
const FIRST_DELAY_MS = 100;
/** How long a store that wants to be left alone is left alone between two attempts, at the most: writers wait meanwhile. */
const LONGEST_REST_MS = 1_000;

/**
 * An S3 API through the `minio` client, without its traps: never `putObject` of a stream (it may never settle, joins
 * another writer's upload and takes a short stream for whole), no retries of its own (they would send a consumed
 * stream), its own connections, a region (else it asks for it), and time-outs.
 */
export class S3Client {
  private readonly log = new Logger('Blobs');
  private readonly transport: S3Transport;
  /** For single requests; see what of it is not to be used. */
  readonly api: Client;
  private readonly signsBytes: boolean;
  private bucketIsThere: Promise<void> | null = null;

  constructor(private readonly settings: S3Settings) {
    const { protocol, hostname, port } = new URL(settings.endpoint);
    const useSSL = protocol === 'https:';
    this.transport = new S3Transport(useSSL, settings.timeoutMs);
    // Over TLS bytes cannot change on their way; over plain HTTP the store verifies the hash that is signed.
    this.signsBytes = !useSSL && settings.accessKey !== '';
    this.api = new Client({
      endPoint: hostname,
      port: Number(port) || (useSSL ? 443 : 80),
      useSSL,
      region: settings.region,
      accessKey: settings.accessKey,
      secretKey: settings.secretKey,
      transport: { request: this.transport.request.bind(this.transport) } as unknown as typeof http,
      transportAgent: this.transport.agent,
      retryOptions: { disableRetry: true },
    });
  }

  /** Makes the bucket if it is not there; what fails is tried again by whoever needs it next. */
  async ready(): Promise<void> {
    this.bucketIsThere ??= this.makeBucket().catch((error: unknown) => {
      this.bucketIsThere = null;
      throw error;
    });
    await this.bucketIsThere;
  }

  /** Whether the bucket is there, asked once. Throws UNAVAILABLE. */
  async check(signal: AbortSignal): Promise<void> {
    const { bucket } = this.settings;
    const isThere = await this.transport
      .during(signal, () => this.api.bucketExists(bucket))
      .catch((error: unknown) => {
        throw storageFault(error);
      });
    if (!isThere) throw unavailable(`the bucket ${bucket} of the store`, 5);
  }

  close(): void {
    this.transport.close();
  }

  /** Stores a whole key. The bytes are in memory, so each attempt sends them anew. */
  async put(key: string, chunks: readonly Buffer[], signal: AbortSignal, sha256?: string): Promise<void> {
    const hash = this.signsBytes ? (sha256 ?? sha256Of(chunks)) : '';
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    await this.again(() => durable('blobs.put-extent', () => this.putOnce(key, chunks, length, hash)), signal);
  }

  /**
   * Opens the bytes from `start` to before `end` of a key: one attempt, for its reader goes on where it broke. Throws
   * MissingBytes only where the store, asked for the key itself, has less.
   */
  async get(key: string, start: number, end: number, signal: AbortSignal): Promise<ByteSource> {
    await this.ready();
    const length = end - start;
    const response = await this.transport
      .reading(signal, () => this.getOnce(key, start, length))
      .catch(async (error: unknown) => {
        if (judgeStorageError(error) !== 'missing') throw error;
        await this.mustHave(key, end, signal);
        throw new Error(`the store answers ${(error as { code?: string }).code} for ${key}, and has it`);
      });
    const comes = Number(response.headers['content-length']);
    if (comes === length && isOf(response, start, end)) return this.bytesOf(response, signal);
    response.destroy();
    await this.mustHave(key, end, signal);
    throw new Error(`the store answers ${comes} of ${length} bytes of ${key}, and has all of them`);
  }

  /** Keys in order, after `after`. */
  async *list(prefix: string, after = '', signal?: AbortSignal): AsyncGenerator<StoredKey> {
    let token = '';
    for (;;) {
      const page = await this.again(() => this.listPage(prefix, token, after), signal);
      for (const item of page.objects) {
        if (item.name !== undefined) yield toStored(item.name, item);
      }
      if (!page.isTruncated) return;
      token = page.nextContinuationToken;
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    await this.again(async () => {
      const failed = await durable('blobs.remove-extents', () =>
        this.api.removeObjects(this.settings.bucket, [...keys]),
      );
      if (failed.length > 0)
        throw new Error(`${failed.length} of ${keys.length} keys stay: ${JSON.stringify(failed[0])}`);
    });
  }

  get timeoutMs(): number {
    return this.settings.timeoutMs;
  }

  get bucket(): string {
    return this.settings.bucket;
  }

  /** Asks a bounded number of times. Throws MissingBytes, UNAVAILABLE, the signal's reason. */
  async again<T>(work: () => Promise<T>, signal?: AbortSignal, attempts = ATTEMPTS): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        await this.ready();
        return await this.transport.during(signal, work);
      } catch (error) {
        signal?.throwIfAborted();
        await this.survive(error, attempt, attempts);
      }
    }
  }

  /** The bytes of a key, asked once. Throws what the client throws. */
  async sizeOf(key: string, signal: AbortSignal): Promise<number> {
    const { size } = await this.transport.during(signal, () => this.api.statObject(this.settings.bucket, key));
    return size;
  }

  /** One wrong answer is no loss: what is said to be lost is not given to anybody any more. */
  private async mustHave(key: string, bytes: number, signal: AbortSignal): Promise<void> {
    const size = await this.sizeOf(key, signal).catch((error: { code?: string }) => {
      if (error.code !== 'NotFound' && error.code !== 'NoSuchKey') throw error;
      return 0;
    });
    if (size < bytes) throw new MissingBytes(`the store has ${size} bytes of ${key}, and ${bytes} were stored`);
  }

  /** Waits for the next attempt, or throws what the failure means. */
  async survive(error: unknown, attempt: number, attempts = ATTEMPTS): Promise<void> {
    if (error instanceof MissingBytes) throw error;
    const verdict = judgeStorageError(error);
    if (verdict === 'missing') throw new MissingBytes(`the store answers ${(error as { code?: string }).code}`);
    if (verdict === 'full') throw storeIsFull(error);
    if (verdict === 'refused' || attempt >= attempts) {
      this.log.error(`the store at ${this.settings.endpoint} fails: ${explainStorageFault(error, this.settings)}`);
      throw storageFault(error);
    }
    const rest = error instanceof StoreBusy ? Math.min(error.seconds * 1000, LONGEST_REST_MS) : 0;
    await delay(Math.max(rest, FIRST_DELAY_MS * 3 ** (attempt - 1)));
  }

  private async makeBucket(): Promise<void> {
    const { bucket, region } = this.settings;
    if (await this.bucketExists()) return;
    await durable('blobs.make-bucket', () => this.api.makeBucket(bucket, region)).catch((error: { code?: string }) => {
      if (error.code !== 'BucketAlreadyOwnedByYou') throw error;
    });
  }

  /** The answer to HEAD has no body, and so says of no refusal why: a list does, and is all that is needed in the end. */
  private async bucketExists(): Promise<boolean> {
    try {
      return await this.api.bucketExists(this.settings.bucket);
    } catch (error) {
      if ((error as { name?: string }).name !== 'S3Error') throw error;
      await this.listPage('', '', '');
      return true;
    }
  }

  private async getOnce(key: string, start: number, length: number): Promise<IncomingMessage | S3Answer> {
    return (await this.api.getPartialObject(this.settings.bucket, key, start, length)) as IncomingMessage | S3Answer;
  }

  private bytesOf(response: IncomingMessage | S3Answer, signal: AbortSignal): ByteSource {
    if (response instanceof S3Answer) return response.bytes;
    // A reader may rest as long as it likes: while it reads, it looks at the time itself.
    response.setTimeout(0);
    return new StreamBytes(response, signal, this.timeoutMs);
  }

  private async putOnce(key: string, chunks: readonly Buffer[], length: number, hash: string): Promise<void> {
    const { bucket, region } = this.settings;
    const body = Readable.from(chunks, { objectMode: false, highWaterMark: CONNECTION_BYTES });
    const headers = { 'content-length': length };
    const request = { method: 'PUT', bucketName: bucket, objectName: key, headers };
    const response = await this.api.makeRequestStreamAsync(request, body, hash, [200], region);
    response.resume();
  }

  private listPage(prefix: string, token: string, after: string) {
    return this.api.listObjectsV2Query(this.settings.bucket, prefix, token, '', 1000, after);
  }
}

/** Whether these are the bytes from `start` to before `end`, where the answer says which they are. */
function isOf({ headers }: IncomingMessage | S3Answer, start: number, end: number): boolean {
  const said = headers['content-range'];
  return said === undefined || said.startsWith(`bytes ${start}-${end - 1}/`);
}

function toStored(key: string, item: { size?: number; etag?: string; lastModified?: Date }): StoredKey {
  return { key, bytes: item.size ?? 0, etag: item.etag ?? '', changedAt: item.lastModified ?? null };
}

function sha256Of(chunks: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}
