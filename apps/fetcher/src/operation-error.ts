import type { OperationError } from '#contracts/operation';
import { toErrorEnvelope } from '#oci/registry-error';

/** An error as a row keeps it. */
export function toOperationError(error: unknown): OperationError {
  const { code, message, detail } = toErrorEnvelope(error);
  return { code, message, ...(detail === undefined ? {} : { detail }) };
}
