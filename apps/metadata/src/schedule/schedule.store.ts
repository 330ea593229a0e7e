import { Injectable } from '@nestjs/common';
import type { ListSchedules, Schedule, ScheduleBody } from '#contracts/calls/schedules';
import type { QuestionOf } from '#contracts/define-call';
import type { Principal } from '#contracts/principal';
import { conflict, type RegistryError } from '#oci/registry-error';
import { Database } from '../database/database';
import { ConfiguredSchedules } from './configured-schedules';
import { CHANGED, COLUMNS, columnsOf, firstTime, type ScheduleRow, toSchedule } from './schedule-rows';

/** When prunes are accepted, and when the collector works. */
@Injectable()
export class ScheduleStore {
  constructor(
    private readonly database: Database,
    private readonly configured: ConfiguredSchedules,
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
    return this.database.transaction('metadata.put-schedule', async (sql) => {
      const [clock] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      const [row] = await sql.query<ScheduleRow & { created: boolean }>(
        `INSERT INTO schedule (source, ${COLUMNS}) VALUES ('rest', $1, $2, $3, $4, $5, $6, $7, $8)
          ON CONFLICT (name) DO UPDATE SET ${CHANGED}, due_at = EXCLUDED.due_at WHERE schedule.source = 'rest'
          RETURNING *, xmax = 0 AS created`,
        columnsOf(name, body, principal, firstTime(body, clock!.now)),
      );
      if (!row) throw this.setElsewhere(name, 'change it there');
      return { schedule: toSchedule(row), created: row.created };
    });
  }

  /** Throws CONFLICT for one of the configuration. */
  async delete(name: string): Promise<boolean> {
    return this.database.transaction('metadata.delete-schedule', async (sql) => {
      const [row] = await sql.query<ScheduleRow>('SELECT * FROM schedule WHERE name = $1 FOR UPDATE', [name]);
      if (row?.source === 'configuration') throw this.setElsewhere(name, 'take it away there');
      await sql.query('DELETE FROM schedule WHERE name = $1', [name]);
      return row !== undefined;
    });
  }

  private setElsewhere(name: string, remedy: string): RegistryError {
    const where = this.configured.whereIs(name);
    return conflict(`schedule ${name} is set in the configuration (${where}): ${remedy}, and start metadata anew`);
  }
}
