/** Bytes in order. */
export interface ByteSource {
  /**
   * The next bytes, about 1 MiB at the most; null after the last. A source that copies its bytes anyway fills `spare`
   * and answers a part of it, instead of a buffer of its own. Throws MissingBytes, UNAVAILABLE. One at a time.
   */
  next(spare?: Buffer): Promise<Buffer | null>;
  /** Releases everything, at any time; repeating it is harmless. */
  close(): Promise<void>;
}
