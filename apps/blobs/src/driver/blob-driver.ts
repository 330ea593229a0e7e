import type { Stretch } from '#calls/byte-plane';
import type { ByteSource } from '#calls/byte-source';
import type { Extent } from '#contracts/calls/sessions';

/** Bytes that a row promises are not in the store. Never said of a store that is merely away: that is UNAVAILABLE. */
export class MissingBytes extends Error {
  override readonly name = 'MissingBytes';
}

export interface StoredExtent {
  readonly key: string;
  readonly bytes: number;
  /** By the store's clock; null where it does not say. */
  readonly writtenAt?: Date | null;
}

/** What lies under one object's prefix, or a stray key (`object` is null). Keys order as their objects' ids do. */
export interface StoredObject {
  readonly key: string;
  readonly object: string | null;
  /** Bytes that are stored, not bytes that are claimed. */
  readonly bytes: number;
  readonly extents?: StoredExtent[];
}

/** Puts an object's many pieces together in the store. */
export interface ObjectComposer {
  /**
   * Makes one extent of all that `extents` cover, gapless from 0 on, as the whole of the object `target`, and answers
   * it once it is durable and its size was looked at. Nothing is written any more once this has settled. A failure may leave
   * bytes, which the target's purge removes. Throws MissingBytes, UNAVAILABLE, the signal's reason.
   */
  compose(source: string, extents: readonly Extent[], target: string, signal: AbortSignal): Promise<Extent>;
}

/** How extents lie in storage. One suite holds every driver. */
export abstract class BlobDriver {
  /** Null where an object is one piece however many its extents. */
  abstract readonly composer: ObjectComposer | null;

  /** How many extents of one writer may be on their way to the store at once. */
  abstract readonly parallelWrites: number;

  abstract open(): Promise<void>;
  abstract close(): Promise<void>;

  /**
   * Whether the store can be written to now, found cheaply. Answers the bytes that are free; null where it does not say.
   * Throws UNAVAILABLE.
   */
  abstract check(): Promise<{ freeBytes: number | null }>;

  /**
   * Writes one extent and answers its key once it is durable: never before. A failure leaves nothing that is read.
   * `sha256` is that of its bytes, in hex, where it is known. Throws UNAVAILABLE, saying so where the store is full.
   */
  abstract write(
    object: string,
    offset: number,
    chunks: readonly Buffer[],
    signal: AbortSignal,
    sha256?: string,
  ): Promise<string | null>;

  /** Waits until an overtaken writer's writes have ended, where a late one could land on bytes that are read. */
  abstract takeWriting(object: string): Promise<void>;

  /** An upload ends at `size`: what an overtaken writer stored behind it goes, where it lies in the same place. */
  abstract trim(object: string, size: number): Promise<void>;

  /** Reads a stretch that `extents` cover. What is missing is told by the first `next`, as far as it can be known. */
  abstract read(object: string, extents: readonly Extent[], stretch: Stretch): ByteSource;

  /**
   * Where a client reads an object from storage itself, all of it or a range, for a while and without a login; null
   * where it cannot: storage has no address of its own, or has the object in pieces, or was not seen to have it a
   * moment ago.
   */
  async locate(_extents: readonly Extent[]): Promise<string | null> {
    return null;
  }

  /** Removes whatever lies under the object's own prefix; nothing there is fine. */
  abstract purge(object: string): Promise<void>;

  /**
   * Deletes what lies under an object's own prefix under other keys than these, if all of it lies there for so long, in
   * milliseconds; answers how many, or null where some of it does not.
   */
  abstract drop(object: string, keep: ReadonlySet<string>, ageMs: number): Promise<number | null>;

  /**
   * Keeps what lies under an object's prefix under another name too, `quarantine/<object>`, which nothing reads or
   * removes: bytes that were found wrong, for a person to look at. Repeating it is harmless. Throws UNAVAILABLE.
   */
  abstract quarantine(object: string): Promise<void>;

  /** Lists what is stored, in the order of keys, after the key `after`. */
  abstract list(after: string | undefined, limit: number): Promise<{ stored: StoredObject[]; next: string | null }>;

  /** A segment of the journal, which lies beside the objects and is listed with none of them; null where it is not there. */
  abstract readSegment(name: string): Promise<Buffer | null>;

  /** The last of the segments that lie in the same folder of the journal and come after this name; null where none does. */
  abstract lastSegment(after: string): Promise<string | null>;

  /** The folders of the journal: one of each database that has ever written here. */
  abstract listJournals(): Promise<string[]>;

  /** The names of segments of all journals, in their order, after this name. */
  abstract listSegments(after: string, limit: number): Promise<string[]>;

  /** Keeps a segment, whole or not at all. It is written once, or again with the same bytes. Throws UNAVAILABLE. */
  abstract writeSegment(name: string, bytes: Uint8Array): Promise<void>;
}
