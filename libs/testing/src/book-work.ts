import type { OperationError } from '#contracts/operation';

/** Times in milliseconds. */
export interface BookTimes {
  readonly leaseMs: number;
  readonly backoffMs: number;
  readonly attempts: number;
}

/** What is claimed: with a lease, an epoch, and attempts that are counted before they start. */
export interface Work {
  epoch: number;
  attempts: number;
  dueAt: number;
  leaseUntil: number;
  error: OperationError | null;
}

export const NEW_WORK: Work = { epoch: 0, attempts: 0, dueAt: 0, leaseUntil: 0, error: null };

type StatedWork = Work & { state: string };

/** Those that are due and those that lost their worker, the oldest first, and when the next is due. */
export function claimWork<Row extends StatedWork>(
  rows: readonly Row[],
  waiting: Row['state'],
  limit: number,
  { leaseMs }: BookTimes,
  hasRoom: (row: Row) => boolean = () => true,
): { claimed: Row[]; nextInMs: number | null } {
  const now = performance.now();
  const open = rows.filter((row) => row.state === waiting || (row.state === 'running' && row.leaseUntil <= now));
  const due = open.filter((row) => row.dueAt <= now).sort((a, b) => a.dueAt - b.dueAt);
  const claimed = due.filter(hasRoom).slice(0, limit);
  for (const row of claimed) {
    Object.assign(row, { state: 'running', epoch: row.epoch + 1, attempts: row.attempts + 1 });
    row.leaseUntil = now + leaseMs;
  }
  const later = open.filter((row) => row.dueAt > now).map((row) => row.dueAt - now);
  return { claimed, nextInMs: later.length > 0 ? Math.min(...later) : null };
}

/** Whether it is tried again. */
export function putBack(
  row: Work,
  end: { error: OperationError; temporary: boolean; retryAfterMs?: number | undefined; giveBack: boolean },
  { backoffMs, attempts }: BookTimes,
): boolean {
  if (end.giveBack) row.attempts -= 1;
  row.error = end.error;
  row.dueAt = performance.now() + (end.retryAfterMs ?? backoffMs);
  return end.temporary && row.attempts < attempts;
}

/** The row, where this claim still holds it. */
export function ours<Row extends StatedWork>(row: Row | undefined, epoch: number): Row | undefined {
  return row?.state === 'running' && row.epoch === epoch ? row : undefined;
}
