import { createHash, type Hash } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '#oci/digest';

/**
 * The hash of an object's first bytes, as far as extents that this process itself committed, in order.
 * Bytes that another replica committed end it: the object is then read and hashed once, at the end.
 */
export class RunningHash {
  private hash: Hash;
  private end = 0;

  constructor(
    readonly object: string,
    readonly algorithm: DigestAlgorithm,
  ) {
    this.hash = createHash(algorithm);
  }

  /** How many bytes it has hashed. */
  get offset(): number {
    return this.end;
  }

  /** A hash that runs ahead with bytes that are not committed yet. */
  ahead(): Hash {
    return this.hash.copy();
  }

  /** The extent that ends at `end` was committed; `hash` is that of everything before `end`. */
  advance(end: number, hash: Hash): void {
    this.end = end;
    this.hash = hash;
  }

  digest(): Digest {
    return `${this.algorithm}:${this.hash.copy().digest('hex')}` as Digest;
  }
}
