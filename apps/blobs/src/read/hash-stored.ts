import { createHash } from 'node:crypto';
import type { Extent } from '#contracts/calls/sessions';
import type { Pace } from '#messaging/pace';
import type { Digest, DigestAlgorithm } from '#oci/digest';
import { type BlobDriver, MissingBytes } from '../driver/blob-driver';
import { mustCover } from '../upload/extent-coverage';

const NEVER = new AbortController().signal;

/** Reads and hashes the first `size` bytes that are stored. `digest` is null where some are missing: `size` says how many came. */
export async function hashStored(
  driver: BlobDriver,
  object: string,
  extents: readonly Extent[],
  size: number,
  algorithm: DigestAlgorithm,
  { signal, pace }: { signal?: AbortSignal; pace?: Pace } = {},
): Promise<{ digest: Digest | null; size: number }> {
  const hash = createHash(algorithm);
  const source = driver.read(object, extents, { start: 0, end: size });
  let read = 0;
  try {
    mustCover(extents, { start: 0, end: size });
    for (let chunk = await source.next(); chunk; chunk = await source.next()) {
      signal?.throwIfAborted();
      hash.update(chunk);
      read += chunk.length;
      pace?.did(chunk.length);
      await pace?.wait(signal ?? NEVER);
    }
    return { digest: `${algorithm}:${hash.digest('hex')}` as Digest, size: read };
  } catch (error) {
    if (error instanceof MissingBytes) return { digest: null, size: read };
    throw error;
  } finally {
    await source.close();
  }
}
