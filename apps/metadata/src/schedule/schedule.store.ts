import { Injectable, Logger } from '@nestjs/common';
import { v5 as uuidv5 } from 'uuid';
import type { PruneFilters } from '#contracts/bodies/prune';
import type { ListSchedules, Schedule, ScheduleBody } from '#contracts/calls/schedules';
import type { QuestionOf } from '#contracts/define-call';
import type { Principal } from '#contracts/principal';
import { conflict, isRegistryError, type RegistryError } from '#oci/registry-error';
import { Database } from '../database/database';
import { msUntil } from '../database/ms-until';
import { OperationStore } from '../operation/operation.store';
import { readUntil } from '../prune/read-until';
import { nextTime } from './next-time';

interface ScheduleRow {
  readonly name: string;
  readonly source: Schedule['source'];
  readonly cron: string;
  readonly time_zone: string;
  readonly body: PruneFilters;
  readonly principal: Principal;
  readonly enabled: boolean;
  readonly due_at: Date | null;
  readonly fired_at: Date | null;
  readonly fired_operation: string | null;
  readonly fired_error: string | null;
}

/** Due schedules of one look. */
const AT_ONCE = 20;

/** When prunes are accepted by themselves. */
@Injectable()
export class ScheduleStore {
  private readonly log = new Logger('Schedules');

  constructor(
    private readonly database: Database,
    private readonly operations: OperationStore,
  ) {}

  async list({
    after,
    limit,
  }: QuestionOf<typeof ListSchedules>): Promise<{ schedules: Schedule[]; next: string | null }> {
    const rows = await this.database.read<ScheduleRow>(
      'SELECT * FROM schedule WHERE name > $1 ORDER BY name LIMIT $2',
      [after ?? '', limit + 1],
    );
    const schedules = rows.slice(0, limit).map(toSchedule);
    return { schedules, next: rows.length > limit ? schedules.at(-1)!.name : null };
  }

  async read(name: string): Promise<Schedule | null> {
    const [row] = await this.database.read<ScheduleRow>('SELECT * FROM schedule WHERE name = $1', [name]);
    return row ? toSchedule(row) : null;
  }

  /** Throws INVALID, and CONFLICT for one of the configuration. */
  async put(principal: Principal, name: string, body: ScheduleBody): Promise<{ schedule: Schedule; created: boolean }> {
    const { cron, timeZone, prune, enabled } = body;
    if (prune.until !== undefined) readUntil(prune.until);
    return this.database.transaction('metadata.put-schedule', async (sql) => {
      const [clock] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      const due = nextTime(cron, timeZone, clock!.now);
      const [row] = await sql.query<ScheduleRow & { created: boolean }>(
        `INSERT INTO schedule (name, source, kind, cron, time_zone, body, principal, enabled, due_at)
          VALUES ($1, 'rest', 'prune', $2, $3, $4, $5, $6, CASE WHEN $6 THEN $7::timestamptz END)
          ON CONFLICT (name) DO UPDATE SET cron = EXCLUDED.cron, time_zone = EXCLUDED.time_zone, body = EXCLUDED.body,
            principal = EXCLUDED.principal, enabled = EXCLUDED.enabled, due_at = EXCLUDED.due_at
            WHERE schedule.source = 'rest'
          RETURNING *, xmax = 0 AS created`,
        [name, cron, timeZone, JSON.stringify(prune), principal, enabled, due],
      );
      if (!row) throw conflict(`schedule ${name} is set in the configuration: change it there`);
      return { schedule: toSchedule(row), created: row.created };
    });
  }

  /** Throws CONFLICT for one of the configuration. */
  async delete(name: string): Promise<boolean> {
    return this.database.transaction('metadata.delete-schedule', async (sql) => {
      const [row] = await sql.query<ScheduleRow>('SELECT * FROM schedule WHERE name = $1 FOR UPDATE', [name]);
      if (row?.source === 'configuration')
        throw conflict(`schedule ${name} is set in the configuration: take it away there`);
      await sql.query('DELETE FROM schedule WHERE name = $1', [name]);
      return row !== undefined;
    });
  }

  /** Answers how many this call had done, and when the next is due. */
  async fire(): Promise<{ fired: number; nextInMs: number | null }> {
    const due = await this.database.read<ScheduleRow>(
      'SELECT * FROM schedule WHERE enabled AND due_at <= clock_timestamp() ORDER BY due_at LIMIT $1',
      [AT_ONCE],
    );
    let fired = 0;
    for (const row of due) fired += (await this.fireOne(row)) ? 1 : 0;
    const [next] = await this.database.read<{ ms: number | null }>(
      `SELECT ${msUntil('(SELECT min(due_at) FROM schedule WHERE enabled)')} AS ms`,
    );
    return { fired, nextInMs: next?.ms ?? null };
  }

  /**
   * The request's id is the schedule and its time: whoever asks again, and whoever does at the same time, asks for the
   * same operation. So it is accepted first, and then the time moves on, past all that were missed.
   */
  private async fireOne(row: ScheduleRow): Promise<boolean> {
    const { name, principal, body, due_at } = row;
    const requestId = uuidv5(`${name} ${due_at!.toISOString()}`, SCHEDULES);
    const asked = { principal, requestId, kind: 'prune' as const, body: { ...body } };
    const { operation, error } = await this.operations.accept(asked).then(
      ({ operation }) => ({ operation: operation.id, error: null }),
      (error: unknown) => this.refuse(asked, error),
    );
    if (error !== null) this.log.warn(`schedule ${name} did nothing: ${error}`);
    return this.moveOn(row, operation, error);
  }

  /** What cannot be done is an operation that failed, so that it is seen; a fault of ours is tried again. */
  private async refuse(asked: Parameters<OperationStore['refuse']>[0], error: unknown) {
    if (!isRegistryError(error) || isRegistryError(error, 'UNAVAILABLE', 'INTERNAL', 'TIMEOUT')) throw error;
    const { code, message } = error as RegistryError;
    await this.operations.refuse(asked, { code, message });
    return { operation: null, error: message };
  }

  private async moveOn(row: ScheduleRow, operation: string | null, error: string | null): Promise<boolean> {
    return this.database.transaction('metadata.move-schedule', async (sql) => {
      const [clock] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      const moved = await sql.query(
        `UPDATE schedule SET due_at = $3, fired_at = clock_timestamp(), fired_operation = $4, fired_error = $5
          WHERE name = $1 AND date_trunc('milliseconds', due_at) = $2 RETURNING 1`,
        [row.name, row.due_at, nextTime(row.cron, row.time_zone, clock!.now), operation, error],
      );
      return moved.length > 0;
    });
  }
}

/** The namespace of their requests' ids. */
const SCHEDULES = '6c1f3b0e-5f0a-4f5e-9a63-0a4f4cf3a6d1';

function toSchedule(row: ScheduleRow): Schedule {
  return {
    name: row.name,
    source: row.source,
    cron: row.cron,
    timeZone: row.time_zone,
    prune: row.body,
    enabled: row.enabled,
    dueAt: row.due_at?.toISOString() ?? null,
    firedAt: row.fired_at?.toISOString() ?? null,
    firedOperation: row.fired_operation,
    firedError: row.fired_error,
  };
}
