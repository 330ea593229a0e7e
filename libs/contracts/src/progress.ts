import { z } from 'zod';
import type { Principal } from './principal';

/** How far a running operation is; sizes are bytes. Best effort, on core NATS: what is true is read from the operation. */
export const ProgressSchema = z.object({
  operation: z.uuid(),
  /** `resolving` until it is known what is to be fetched. */
  phase: z.enum(['resolving', 'filling']),
  bytesDone: z.number().int().nonnegative(),
  bytesTotal: z.number().int().nonnegative(),
  /** Blobs that are not yet held. */
  missing: z.number().int().nonnegative(),
});
export type Progress = z.output<typeof ProgressSchema>;

export function progressSubject(principal: Principal, operation: string): string {
  return `entrepot.progress.${principal}.${operation}`;
}
