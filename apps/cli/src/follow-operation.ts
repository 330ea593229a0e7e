import type { Desk } from './desk';
import { EXIT, exitOf, Fault } from './fault';
import { pause } from './pause';
import { type SeenOperation, SeenOperationSchema } from './seen-operation';
import { Unreachable } from './warehouse.client';

/** As long as a restart of the server may take, in milliseconds, and the pause between two tries. */
const MISSED_MS = 60_000;
const PAUSE_MS = 500;

/**
 * Follows an operation by server-sent events to its end, also while the server restarts. Ends early, and says how to go
 * on, where the server stays away or a person has had enough: the operation goes on.
 */
export async function followOperation(
  desk: Desk,
  first: SeenOperation,
  onNews: (operation: SeenOperation) => void,
): Promise<SeenOperation> {
  const { terminal, warehouse } = desk;
  const path = `/api/v1/operations/${first.id}/events`;
  let [operation, heardAt] = [first, terminal.now()];
  onNews(operation);
  while (operation.endedAt === null) {
    try {
      for await (const { event, data } of warehouse.events(path, {})) {
        if (event !== 'operation') continue;
        operation = SeenOperationSchema.parse(JSON.parse(data));
        heardAt = terminal.now();
        onNews(operation);
      }
    } catch (error) {
      if (terminal.interrupted.aborted) throw leftAlone(first);
      const isPassing = error instanceof Unreachable || isUnavailable(error);
      if (!isPassing || terminal.now() - heardAt > MISSED_MS) throw lostSight(first, error);
    }
    if (operation.endedAt === null) await pause(PAUSE_MS, terminal.interrupted);
    if (terminal.interrupted.aborted && operation.endedAt === null) throw leftAlone(first);
  }
  return operation;
}

/** What it came to; throws a Fault where it did not complete. */
export function outcomeOf({ id, kind, state, error, outcome }: SeenOperation): Record<string, unknown> {
  if (state === 'completed') return outcome ?? {};
  if (state === 'cancelled') throw new Fault(`the ${kind} was called off (operation ${id})`);
  const { code = '', message = 'it failed and does not say why', detail } = error ?? {};
  throw new Fault(message, exitOf({ code }), detail);
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Fault && error.exit === EXIT.failed;
}

function lostSight({ id }: SeenOperation, error: unknown): Fault {
  if (!(error instanceof Fault)) return new Fault(String(error));
  return new Fault(`${error.message}\n${goesOn(id)}`, error.exit);
}

function leftAlone({ id }: SeenOperation): Fault {
  return new Fault(goesOn(id), EXIT.interrupted);
}

const goesOn = (id: string) =>
  `operation ${id} goes on; to follow it: entrepot operations follow ${id}\nto call it off: entrepot operations cancel ${id}`;
