import type { Readable } from 'node:stream';

/** A stretch of an object: first byte, and the byte after the last one. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

export interface ReadOptions {
  /** Absent: the whole object. A stretch takes committed extents only. */
  readonly stretch?: Stretch;
  /** Whoever reads can be sent to the storage itself. */
  readonly redirect?: boolean;
  readonly signal?: AbortSignal;
}

export interface ObjectReading {
  /** The whole object's size in bytes, known before its last byte is here. */
  readonly size: number;
  /** False while the object is still being written: nothing of it is verified yet. */
  readonly verified: boolean;
  /**
   * The bytes. For an object that is still being written they follow the writer, and the last 64 KiB of a whole
   * read are withheld until its digest is verified; a failure destroys the stream, which is never then completed.
   */
  readonly stream: Readable;
  /** Where to read it instead, all or a range, without a login: then the stream is empty. Of verified objects alone. */
  readonly location?: string;
}

/**
 * Bytes between gateway or fetcher and blobs: in process or over HTTP, held by one suite. Every request carries a
 * capability (see `capability.ts`): blobs never decides who may read, and whoever finds its port reads nothing.
 * Every stream states its buffer size: 1 MiB.
 */
export abstract class BytePlane {
  /** Throws RegistryError BLOB_UNKNOWN, UNAVAILABLE, RANGE_INVALID, DENIED. */
  abstract read(capability: string, object: string, options?: ReadOptions): Promise<ObjectReading>;

  /**
   * Appends at `offset`, which must be the session's acknowledged offset, until the stream ends; the session is
   * taken (its epoch goes up). Answers the offset that is then durable. The stream stays its caller's: a refusal
   * leaves it paused and whole, so that whoever sends it can still be answered.
   *
   * Throws RegistryError STALE with the detail `{offset}` for another offset or a lost epoch, SIZE_INVALID past the
   * expected size, UNAVAILABLE where the store is full or away, CANCELLED with the detail `{offset}` where the stream
   * failed, and CANCELLED where the caller gave up: what arrived before either is kept.
   */
  abstract append(
    capability: string,
    session: string,
    offset: number,
    stream: Readable,
    options?: { signal?: AbortSignal },
  ): Promise<{ offset: number }>;
}

/** The buffer of every stream in the byte path: Node's default of 64 KiB halves the speed. */
export const BUFFER_BYTES = 1024 * 1024;
