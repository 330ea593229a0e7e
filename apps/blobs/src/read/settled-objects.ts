import { Injectable, Logger } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { type Extent, MarkLost, ReadObject } from '#contracts/calls/sessions';
import { type Digest, digestAlgorithm, digestOf } from '#oci/digest';
import { isRegistryError, RegistryError } from '#oci/registry-error';
import { MissingBytes } from '../driver/blob-driver';
import { RightStore } from '../journal/right-store';
import { askAgain } from '../upload/ask-again';
import { byOffset, mustCover } from '../upload/extent-coverage';
import { BoundedCache } from './bounded-cache';
import type { ObjectView } from './followed-object';

/** A verified object: its extents never change under its id. */
export interface SettledObject {
  readonly id: string;
  readonly digest: Digest;
  readonly size: number;
  readonly extents: readonly Extent[];
}

/** About a hundred bytes each. */
const KEPT_EXTENTS = 200_000;

export const bytesAreGone = (object: string, cause?: unknown): RegistryError =>
  new RegistryError('BLOB_UNKNOWN', `the bytes of object ${object} are not in the store any more`, { cause });

/** Verified objects as rows describe them. What is live is kept, so that a hot read asks `metadata` nothing. */
@Injectable()
export class SettledObjects {
  private readonly log = new Logger('Blobs');
  private readonly kept = new BoundedCache<SettledObject>(KEPT_EXTENTS);
  private readonly asking = new Map<string, Promise<ObjectView>>();

  constructor(
    private readonly calls: Calls,
    private readonly store: RightStore,
  ) {}

  /** Throws BLOB_UNKNOWN where the object is not there or its bytes are known to be lost. */
  async find(object: string): Promise<{ settled: SettledObject } | { settled: null; view: ObjectView }> {
    const kept = this.kept.get(object);
    if (kept) return { settled: kept };
    const view = await this.ask(object);
    if (view.lost) throw bytesAreGone(object);
    if (view.state === 'uploading') return { settled: null, view };
    return { settled: await this.learn(object, view) };
  }

  /** Rows of an object that is not uploading; live ones are kept. */
  async learn(object: string, view: ObjectView): Promise<SettledObject> {
    const { digest, size, state } = view;
    if (digest === null || size === null) throw bytesAreGone(object);
    const settled: SettledObject = { id: object, digest, size, extents: byOffset(view.extents) };
    try {
      mustCover(settled.extents, { start: 0, end: size });
    } catch (error) {
      throw await this.lose(settled, error);
    }
    if (state === 'live') this.kept.set(object, settled, settled.extents.length + 1);
    return settled;
  }

  /** Whether it was live when it was asked for last. */
  isLive(object: string): boolean {
    return this.kept.get(object) !== undefined;
  }

  forget(object: string): void {
    this.kept.delete(object);
  }

  /**
   * What to say of bytes that a read did not find. The rows are asked again first: an object that was purged
   * meanwhile is not lost; nor is anything where the store is another one. What is lost is marked by the object's id,
   * never by digest: a newer object may be there.
   */
  async lose(settled: SettledObject, cause: unknown): Promise<Error> {
    this.forget(settled.id);
    if (!(cause instanceof MissingBytes)) return cause as Error;
    try {
      const view = await this.calls.ask(ReadObject, { object: settled.id });
      if (view.lost) return bytesAreGone(settled.id, cause);
      await this.store.mustBeHere();
      await askAgain(this.calls, MarkLost, { object: settled.id, reason: cause.message.slice(0, 500) });
      this.log.error(`object ${settled.id} (${settled.digest}) is lost: ${cause.message}`);
    } catch (error) {
      if (!isRegistryError(error, 'BLOB_UNKNOWN')) {
        this.log.error(`cannot mark object ${settled.id} as lost (${cause.message}): ${String(error)}`);
        if (isRegistryError(error, 'UNAVAILABLE')) return error;
      }
    }
    return bytesAreGone(settled.id, cause);
  }

  private ask(object: string): Promise<ObjectView> {
    const running = this.asking.get(object);
    if (running) return running;
    const asked = this.calls.ask(ReadObject, { object }).finally(() => this.asking.delete(object));
    this.asking.set(object, asked);
    return asked;
  }
}

/** Throws MissingBytes where bytes are not what the digest says: they are as good as gone. */
export function mustMatch(bytes: Uint8Array, digest: Digest): void {
  const actual = digestOf(bytes, digestAlgorithm(digest));
  if (actual !== digest) throw new MissingBytes(`the stored bytes hash to ${actual}, not ${digest}`);
}
