import { StartFault } from '#config/start-fault';
import { isRegistryError } from '#oci/registry-error';

/** What a person is told of what ended a program: a clear line where there is one, else the stack. */
export function describeFault(error: unknown): string {
  if (error instanceof StartFault || isRegistryError(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
