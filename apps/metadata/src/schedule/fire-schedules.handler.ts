import { Injectable, Logger } from '@nestjs/common';
import { v5 as uuidv5 } from 'uuid';
import { PruneBodySchema } from '#contracts/bodies/prune';
import { isRegistryError, type RegistryError } from '#oci/registry-error';
import { Database } from '../database/database';
import { msUntil } from '../database/ms-until';
import { PresenceStore } from '../database/presence.store';
import { OperationStore } from '../operation/operation.store';
import { noteRefused } from '../run/note-run';
import { lastTime, nextTime } from './next-time';
import type { PruneScheduleRow, ScheduleRow } from './schedule-rows';

/** Due schedules of one look. */
const AT_ONCE = 20;

/** The namespace of their requests' ids. */
const SCHEDULES = '6c1f3b0e-5f0a-4f5e-9a63-0a4f4cf3a6d1';

/** What came of a time; of a window of collecting, nothing but that it is open. */
interface Fired {
  readonly operation: string | null;
  readonly error: string | null;
}

/** Has what is due accepted, and opens the windows in which the collector works. */
@Injectable()
export class FireSchedulesHandler {
  private readonly log = new Logger('Schedules');

  constructor(
    private readonly database: Database,
    private readonly operations: OperationStore,
    private readonly presence: PresenceStore,
  ) {}

  /**
   * Answers how many this call had done, and when the next is due. Nothing while it is quiet after an absence: what
   * began to run meanwhile was not reported yet, and a prune that was missed would take its name.
   */
  async fire(): Promise<{ fired: number; nextInMs: number | null }> {
    const quietMs = await this.presence.beat();
    if (quietMs > 0) return { fired: 0, nextInMs: quietMs };
    const due = await this.database.read<ScheduleRow>(
      'SELECT * FROM schedule WHERE enabled AND due_at <= clock_timestamp() ORDER BY due_at LIMIT $1',
      [AT_ONCE],
    );
    let fired = 0;
    const failed: string[] = [];
    for (const row of due) {
      const isFired = await this.fireOrSay(row);
      if (isFired === null) failed.push(row.name);
      else if (isFired) fired += 1;
    }
    const [next] = await this.database.read<{ ms: number | null }>(
      `SELECT ${msUntil('(SELECT min(due_at) FROM schedule WHERE enabled AND name <> ALL($1))')} AS ms`,
      [failed],
    );
    return { fired, nextInMs: next?.ms ?? null };
  }

  /** Null where it could not be done for a fault of ours: it stays due, until a sweep, and holds up no other. */
  private async fireOrSay(row: ScheduleRow): Promise<boolean | null> {
    try {
      return await this.fireOne(row);
    } catch (error) {
      this.log.error(`schedule ${row.name} waits: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  private async fireOne(row: ScheduleRow): Promise<boolean> {
    if (row.kind === 'collect') return this.moveOn(row, { operation: null, error: null });
    return this.moveOn(row, await this.prune(row));
  }

  /**
   * The request's id is the schedule and its time: whoever asks again, and whoever does at the same time, asks for the
   * same operation. So it is accepted first, and then the time moves on, past all that were missed.
   */
  private async prune({ name, principal, body, due_at }: PruneScheduleRow): Promise<Fired> {
    const requestId = uuidv5(`${name} ${due_at!.toISOString()}`, SCHEDULES);
    // Whole, as it is accepted: what is asked again has the same hash then, also where it was refused.
    const asked = { principal, requestId, kind: 'prune' as const, body: PruneBodySchema.parse(body) };
    const fired = await this.operations.accept(asked).then(
      ({ operation: { id, error } }) => ({ operation: id, error: error?.message ?? null }),
      (error: unknown) => this.refuse(asked, error),
    );
    if (fired.error !== null) this.log.warn(`schedule ${name} did nothing: ${fired.error}`);
    return fired;
  }

  /** What cannot be done is an operation that failed, so that it is seen; a fault of ours is tried again. */
  private async refuse(asked: Parameters<OperationStore['refuse']>[0], error: unknown): Promise<Fired> {
    if (!isRegistryError(error) || isRegistryError(error, 'UNAVAILABLE', 'INTERNAL', 'TIMEOUT')) throw error;
    const { code, message } = error as RegistryError;
    return { operation: await this.operations.refuse(asked, { code, message }), error: message };
  }

  /** A window lasts from the time that opens it, however late that was seen: see `mayCollect`. */
  private async moveOn(row: ScheduleRow, { operation, error }: Fired): Promise<boolean> {
    return this.database.transaction('metadata.move-schedule', async (sql) => {
      const [clock] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      const { name, kind, cron, time_zone, due_at } = row;
      const now = clock!.now;
      const firedAt = kind === 'collect' ? lastTime(cron, time_zone, due_at!, now) : now;
      const moved = await sql.query(
        `UPDATE schedule SET due_at = $3, fired_at = $4, fired_operation = $5, fired_error = $6
          WHERE name = $1 AND date_trunc('milliseconds', due_at) = $2 RETURNING 1`,
        [name, due_at, nextTime(cron, time_zone, now), firedAt, operation, error],
      );
      if (moved.length > 0 && operation !== null && error !== null) await noteRefused(sql, operation, error);
      return moved.length > 0;
    });
  }
}
