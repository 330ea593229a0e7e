import { readFile, stat } from 'node:fs/promises';
import { StartFault } from '#config/start-fault';
import { ANONYMOUS } from '#contracts/principal';
import type { Database, Sql } from '../database/database';
import { parseSchedules, type ScheduleEntry } from './parse-schedules';
import { CHANGED, COLUMNS, columnsOf, firstTime } from './schedule-rows';

/** Bytes of the file at the most: nobody writes so many by hand. */
const LARGEST_FILE = 1 << 20;

/** The schedules of the file of ENTREPOT_SCHEDULES. */
export class ConfiguredSchedules {
  constructor(readonly entries: ReadonlyMap<string, ScheduleEntry> = new Map()) {}

  /** Throws StartFault with every fault that there is, by name and line. */
  static async read(path: string | undefined): Promise<ConfiguredSchedules> {
    return new ConfiguredSchedules(path === undefined ? undefined : parseSchedules(await readText(path), path));
  }

  /** Another replica may have another file. */
  whereIs(name: string): string {
    const entry = this.entries.get(name);
    return entry ? `line ${entry.line} of the file of ENTREPOT_SCHEDULES` : 'the file of ENTREPOT_SCHEDULES';
  }

  /**
   * Makes the schedules of the configuration those of the file; whatever is as it was keeps its next time. Those that
   * were made over REST stay as they are. Throws StartFault where one of them has the name of an entry.
   */
  async apply(database: Database): Promise<void> {
    await database.transaction('metadata.apply-schedules', async (sql) => {
      await sql.query('LOCK TABLE schedule IN SHARE ROW EXCLUSIVE MODE');
      const names = [...this.entries.keys()];
      await this.refuseTaken(sql, names);
      await sql.query(`DELETE FROM schedule WHERE source = 'configuration' AND name <> ALL($1)`, [names]);
      const [clock] = await sql.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      for (const [name, { body }] of this.entries) {
        await sql.query(SET_ENTRY, columnsOf(name, body, ANONYMOUS, firstTime(body, clock!.now)));
      }
    });
  }

  private async refuseTaken(sql: Sql, names: readonly string[]): Promise<void> {
    const taken = await sql.query<{ name: string }>(
      `SELECT name FROM schedule WHERE source = 'rest' AND name = ANY($1) ORDER BY name`,
      [names],
    );
    if (taken.length === 0) return;
    const faults = taken.map(
      ({ name }) => `  line ${this.entries.get(name)!.line}: ${name}: a schedule of this name was made over REST`,
    );
    throw new StartFault(
      ['ENTREPOT_SCHEDULES: give these other names, or take the others away first:', ...faults].join('\n'),
    );
  }
}

const SET_ENTRY = `
  INSERT INTO schedule (source, ${COLUMNS}) VALUES ('configuration', $1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (name) DO UPDATE SET ${CHANGED}, due_at = CASE WHEN (schedule.kind, schedule.cron, schedule.time_zone, schedule.enabled)
      = (EXCLUDED.kind, EXCLUDED.cron, EXCLUDED.time_zone, EXCLUDED.enabled) THEN schedule.due_at
      ELSE EXCLUDED.due_at END`;

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_FILE) throw new Error('it is larger than 1 MiB');
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new StartFault(`ENTREPOT_SCHEDULES: cannot read ${path}: ${(error as Error).message}`);
  }
}
