import { isRegistryError } from '#oci/registry-error';
import { decideRetry, type RetryDecision } from '../upstream/decide-retry';

export interface FillEnd extends RetryDecision {
  /** Start over with a new object: what is stored is of no use. */
  readonly discard: boolean;
}

/** A bit may flip on its way: wrong bytes are fetched once more, and not again. */
const ATTEMPTS_FOR_WRONG_BYTES = 2;

/** How an attempt that failed ends: what becomes of its bytes, and whether there is another one. */
export function decideFillEnd(error: unknown, attempts: number): FillEnd {
  if (isRegistryError(error, 'DIGEST_INVALID'))
    return { temporary: attempts < ATTEMPTS_FOR_WRONG_BYTES, discard: true };
  if (isRegistryError(error, 'SIZE_INVALID')) return { temporary: false, discard: true };
  if (isRegistryError(error, 'BLOB_UPLOAD_UNKNOWN')) return { temporary: true, discard: true };
  return { ...decideRetry(error, attempts), discard: false };
}
