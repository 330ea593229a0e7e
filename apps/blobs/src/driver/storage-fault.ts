import { RegistryError, unavailable } from '#oci/registry-error';
import { StoreBusy } from './store-busy';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export const storeIsFull = (cause?: unknown): RegistryError =>
  new RegistryError('UNAVAILABLE', 'the store is full: free space, or give it more', { retryAfterSeconds: 30, cause });

/** A failing store is unavailable, never absent. */
export function storageFault(cause: unknown): RegistryError {
  if (cause instanceof RegistryError) return cause;
  if (cause instanceof StoreBusy) return unavailable('storage', cause.seconds, cause);
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? '';
  return FULL.has(code) ? storeIsFull(cause) : unavailable('storage', 5, cause);
}

export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
}
