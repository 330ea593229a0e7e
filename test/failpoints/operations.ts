import type { Operation, OperationKind } from '#contracts/operation';
import type { Victim } from './victim';

/** Asks once more under the same key: what was accepted is not accepted again. */
export async function askFor(victim: Victim, kind: OperationKind, key: string, reference: string): Promise<void> {
  // A remove of a list is claimed, as a pull is; one of a single reference is done where it is taken in.
  const body = kind === 'remove' ? { kind, references: [reference] } : { kind, reference };
  const { status, text } = await victim.ask('POST', '/api/v1/operations', body, { 'idempotency-key': key });
  if (status !== 202) throw new Error(`${kind} ${key}: ${status} ${text}`);
}

/** As many as a walk asks for, and more. The list has the newest first. */
const NEWEST = 20;

/** The operation of a key, undefined where there is none yet. */
export async function findOperation(victim: Victim, key: string): Promise<Operation | undefined> {
  const { json } = await victim.ask('GET', `/api/v1/operations?limit=${NEWEST}`);
  const mine = (json as Operation[]).filter(({ requestId }) => requestId === key);
  if (mine.length > 1) throw new Error(`${mine.length} operations have the key ${key}`);
  return mine[0];
}

/** Waits until the one operation of a key has ended as it should, and both was said. Throws Died. */
export async function endsAs(victim: Victim, key: string, state: Operation['state'] = 'completed'): Promise<Operation> {
  const ended = await victim.until(`${key} ends`, async () => {
    const found = await findOperation(victim, key);
    return found?.endedAt ? found : undefined;
  });
  if (ended.state !== state) throw new Error(`${key} is ${ended.state}: ${JSON.stringify(ended.error)}`);
  await victim.facts.tell(ended);
  return ended;
}
