import type { Desk } from './desk';
import { followOperation, outcomeOf } from './follow-operation';
import { ProgressScreen } from './progress-screen';
import type { SeenOperation } from './seen-operation';

/** Waits for the end of an operation, showing how it goes; throws a Fault where it did not complete. */
export async function waitForOutcome(desk: Desk, operation: SeenOperation): Promise<SeenOperation> {
  const ended = await watchToTheEnd(desk, operation);
  outcomeOf(ended);
  return ended;
}

export async function watchToTheEnd(desk: Desk, operation: SeenOperation): Promise<SeenOperation> {
  const screen = new ProgressScreen(desk.terminal);
  try {
    return await followOperation(desk, operation, (news) => screen.show(news));
  } finally {
    screen.close();
  }
}
