import { RegistryError } from '#oci/registry-error';

/** A stream that failed before its end. `offset`, in bytes: what arrived is stored up to there. */
export function brokenUpload(offset: number, cause: unknown): RegistryError {
  const message = 'the upload ended before its stream did; what arrived is stored';
  return new RegistryError('CANCELLED', message, { detail: { offset }, cause });
}
