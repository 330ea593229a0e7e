import { isRegistryError } from '#oci/registry-error';
import { PoisonMessage } from './poison-message';

export interface Patience {
  /** After so many deliveries a failure that nobody expects makes a dead letter. */
  readonly deliveries: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export const PATIENCE: Patience = { deliveries: 8, firstDelayMs: 500, longestDelayMs: 30_000 };

export type Judgement = { kind: 'again'; delayMs: number } | { kind: 'dead'; reason: string };

/**
 * What becomes of a message whose handler failed. While something that we need is away it waits, however long that
 * takes: a request is not to blame for our database. Poison is dead at once, the unexpected after a number of tries.
 */
export function judgeFailure(error: unknown, deliveries: number, patience: Patience = PATIENCE): Judgement {
  if (error instanceof PoisonMessage) return { kind: 'dead', reason: error.message };
  const isAway = isRegistryError(error, 'UNAVAILABLE', 'TIMEOUT', 'CANCELLED');
  if (!isAway && deliveries >= patience.deliveries) {
    return { kind: 'dead', reason: `gave up after ${deliveries} deliveries: ${textOf(error)}` };
  }
  const delayMs = Math.min(patience.longestDelayMs, patience.firstDelayMs * 2 ** Math.min(deliveries - 1, 20));
  return { kind: 'again', delayMs };
}

/** Errors that are not ours may quote a query or a path; people read dead letters. */
function textOf(error: unknown): string {
  return isRegistryError(error) ? error.message : 'an internal error, which the log of that time describes';
}
