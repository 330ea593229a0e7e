import type { Readable } from 'node:stream';

/** What a writer has in memory from `offset` on, as it comes. The stream ends where it is no longer there. */
export interface TailReading {
  readonly offset: number;
  readonly stream: Readable;
}

/** What this process writes, for replicas of `blobs` whose readers follow it. Unverified, and perhaps overtaken. */
export interface Tails {
  /** From `from` on, or from where memory begins. Throws BLOB_UNKNOWN where nobody here writes the object, DENIED. */
  tail(capability: string, object: string, from: number): TailReading;
}
