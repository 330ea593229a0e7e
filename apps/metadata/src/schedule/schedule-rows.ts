import type { PruneWithin } from '#contracts/bodies/prune';
import type { Schedule, ScheduleBody } from '#contracts/calls/schedules';
import type { Principal } from '#contracts/principal';
import { readUntil } from '../prune/read-until';
import { nextTime } from './next-time';

type CollectionWindow = NonNullable<Schedule['collection']>;

interface CommonRow {
  readonly name: string;
  readonly source: Schedule['source'];
  readonly cron: string;
  readonly time_zone: string;
  readonly principal: Principal;
  readonly enabled: boolean;
  readonly due_at: Date | null;
  readonly fired_at: Date | null;
  readonly fired_operation: string | null;
  readonly fired_error: string | null;
}

export interface PruneScheduleRow extends CommonRow {
  readonly kind: 'prune';
  readonly body: PruneWithin;
}

interface CollectScheduleRow extends CommonRow {
  readonly kind: 'collect';
  readonly body: CollectionWindow;
}

export type ScheduleRow = PruneScheduleRow | CollectScheduleRow;

export function toSchedule(row: ScheduleRow): Schedule {
  return {
    name: row.name,
    source: row.source,
    cron: row.cron,
    timeZone: row.time_zone,
    ...(row.kind === 'prune' ? { prune: row.body } : { collection: row.body }),
    enabled: row.enabled,
    dueAt: row.due_at?.toISOString() ?? null,
    firedAt: row.fired_at?.toISOString() ?? null,
    firedOperation: row.fired_operation,
    firedError: row.fired_error,
  };
}

/** When it is first. Throws INVALID for what is more than a matter of form, naming the field where it stands. */
export function firstTime({ cron, timeZone, prune }: ScheduleBody, now: Date): Date {
  if (prune?.until !== undefined) readUntil(prune.until, 'prune.until');
  return nextTime(cron, timeZone, now);
}

/** As `columnsOf` gives them. */
export const COLUMNS = 'name, kind, cron, time_zone, body, principal, enabled, due_at';

/** All of them but when it is due. What does something else from now on has not done that yet. */
export const CHANGED = `kind = EXCLUDED.kind, cron = EXCLUDED.cron, time_zone = EXCLUDED.time_zone,
  body = EXCLUDED.body, principal = EXCLUDED.principal, enabled = EXCLUDED.enabled,
  fired_at = CASE WHEN schedule.kind = EXCLUDED.kind THEN schedule.fired_at END`;

export function columnsOf(name: string, body: ScheduleBody, principal: Principal, due: Date): unknown[] {
  const { cron, timeZone, prune, collection, enabled } = body;
  const what = JSON.stringify(prune ?? collection);
  return [name, prune ? 'prune' : 'collect', cron, timeZone, what, principal, enabled, enabled ? due : null];
}
