import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { ObjectReading, ReadOptions, Stretch } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';
import { ObjectStream } from '#calls/object-stream';
import { ReadBuffers } from '#calls/read-buffers';
import { cancelled, RegistryError, rangeInvalid } from '#oci/registry-error';
import { BlobDriver } from '../driver/blob-driver';
import { BegunBytes, MemoryBytes } from './byte-sources';
import { FollowedBytes } from './followed-bytes';
import type { ObjectView } from './followed-object';
import { FollowedObjects } from './followed-objects';
import { HotBlobs } from './hot-blobs';
import { LinkGrace } from './link-grace';
import { ReadLeases } from './read-leases';
import { SettledBytes } from './settled-bytes';
import { bytesAreGone, type SettledObject, SettledObjects } from './settled-objects';

/** Reads objects: verified ones, and those that are being written. A reader that hangs up releases all it had. */
@Injectable()
export class ObjectReader {
  constructor(
    private readonly driver: BlobDriver,
    private readonly settled: SettledObjects,
    private readonly followed: FollowedObjects,
    private readonly hot: HotBlobs,
    private readonly leases: ReadLeases,
    private readonly buffers: ReadBuffers,
    private readonly grace: LinkGrace,
  ) {}

  /** Throws BLOB_UNKNOWN, RANGE_INVALID, UNAVAILABLE. The stream is destroyed with what comes later. */
  async read(object: string, { stretch, signal, redirect = false }: ReadOptions = {}): Promise<ObjectReading> {
    signal?.throwIfAborted();
    const found = await this.settled.find(object);
    if (found.settled) {
      const location = redirect ? await this.locate(found.settled) : null;
      if (location !== null) return { size: found.settled.size, verified: true, location, stream: Readable.from([]) };
      return this.readSettled(found.settled, stretch, signal);
    }
    return this.follow(object, found.view, stretch, signal);
  }

  /** What is small is given from memory; what is condemned already may not stay for as long as a download takes. */
  private async locate(object: SettledObject): Promise<string | null> {
    if (this.hot.takes(object) || !this.settled.isLive(object.id)) return null;
    if (!(await this.grace.suffices())) return null;
    return this.driver.locate(object.extents);
  }

  private async readSettled(object: SettledObject, stretch?: Stretch, signal?: AbortSignal): Promise<ObjectReading> {
    const part = within(stretch, object.size);
    const source = this.hot.takes(object)
      ? new MemoryBytes((await this.hot.read(object)).subarray(part.start, part.end))
      : await this.begin(new SettledBytes(object, part, this.driver, this.settled), part.end - part.start);
    return { size: object.size, verified: true, stream: this.stream(object.id, source, signal) };
  }

  /** Reads the first bytes now: what is not there must be told before an answer begins. */
  private async begin(source: ByteSource, length: number): Promise<ByteSource> {
    const first = Buffer.allocUnsafeSlow(Math.min(this.buffers.size, length));
    try {
      return new BegunBytes(await source.next(first), source);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  private follow(object: string, view: ObjectView, stretch?: Stretch, signal?: AbortSignal): ObjectReading {
    const { digest, size } = view;
    // Only a fill can be followed: of a push nobody knows what it will be.
    if (digest === null || size === null) throw bytesAreGone(object);
    const part = within(stretch, size);
    const followed = this.followed.follow(object, view, stretch === undefined);
    const source = new FollowedBytes(followed, part, { digest, size }, stretch === undefined, this.driver);
    const stream = this.stream(object, source, signal, () => this.followed.unfollow(followed));
    return { size, verified: false, stream };
  }

  private stream(object: string, source: ByteSource, signal?: AbortSignal, released = () => {}): ObjectStream {
    const end = this.leases.begin(object, () => stream.destroy(new RegistryError('TIMEOUT', 'the read took too long')));
    const hangUp = () => stream.destroy(cancelled('the read'));
    const stream = new ObjectStream(source, this.buffers, () => {
      end();
      signal?.removeEventListener('abort', hangUp);
      released();
    });
    if (signal?.aborted) hangUp();
    signal?.addEventListener('abort', hangUp, { once: true });
    return stream;
  }
}

function within(stretch: Stretch | undefined, size: number): Stretch {
  if (!stretch) return { start: 0, end: size };
  if (stretch.start < 0 || stretch.start >= stretch.end || stretch.end > size) throw rangeInvalid(size);
  return stretch;
}
