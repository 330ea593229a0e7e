import { Injectable } from '@nestjs/common';
import type { Cleanup, GcRun, ListRuns } from '#contracts/calls/runs';
import type { QuestionOf } from '#contracts/define-call';
import { GcPaused, GcResumed } from '#contracts/facts';
import { Database } from '../database/database';
import { ScrubStore } from '../object/scrub.store';
import { recordFact } from '../outbox/outbox.store';
import { RESTING } from './may-collect';
import { endCollection } from './note-run';
import { type RunRow, toRun } from './run-rows';

/** Whoever pauses and resumes is told apart from others by this alone. */
const CLEANUP = 'cleanup';

interface PauseRow {
  readonly paused_at: Date | null;
  readonly paused_by: string | null;
  readonly due: number;
  readonly resting: boolean;
  readonly opens_at: Date | null;
}

/** How cleanup goes: its runs, and whether it is to work at all. */
@Injectable()
export class RunStore {
  constructor(
    private readonly database: Database,
    private readonly scrubs: ScrubStore,
  ) {}

  /** Newest first: ids rise with time. */
  async list({ kind, after, limit }: QuestionOf<typeof ListRuns>): Promise<{ runs: GcRun[]; next: string | null }> {
    const rows = await this.database.read<RunRow>(LIST_RUNS, [kind ?? null, after ?? null, limit + 1]);
    const runs = rows.slice(0, limit).map(toRun);
    return { runs, next: rows.length > limit ? runs.at(-1)!.id : null };
  }

  async read(id: string): Promise<GcRun | null> {
    const [row] = await this.database.read<RunRow>('SELECT * FROM gc_run WHERE id = $1', [id]);
    return row ? toRun(row) : null;
  }

  async readCleanup(): Promise<Cleanup> {
    return this.database.snapshot(async (sql) => {
      const [state] = await sql.query<PauseRow>(
        `SELECT gc_paused_at AS paused_at, gc_paused_by AS paused_by, (
            SELECT count(*) FROM (SELECT FROM review WHERE due_at <= now() LIMIT 10000) AS waiting) AS due,
            ${RESTING} AS resting, (SELECT min(due_at) FROM schedule WHERE kind = 'collect' AND enabled) AS opens_at
          FROM installation`,
      );
      const [run] = await sql.query<RunRow>(`SELECT * FROM gc_run WHERE kind = 'collection' AND ended_at IS NULL`);
      const { paused_at, paused_by, due, resting, opens_at } = state!;
      return {
        paused: paused_at !== null,
        pausedAt: paused_at?.toISOString() ?? null,
        pausedBy: paused_by,
        resting,
        opensAt: (resting && opens_at?.toISOString()) || null,
        due,
        run: run ? toRun(run) : null,
        scrub: await this.scrubs.read(sql),
      };
    });
  }

  async pause(principal: string): Promise<void> {
    await this.database.transaction('metadata.pause-cleanup', async (sql) => {
      const changed = await sql.query(
        `UPDATE installation SET gc_paused_at = clock_timestamp(), gc_paused_by = $1
          WHERE gc_paused_at IS NULL RETURNING 1`,
        [principal],
      );
      if (changed.length > 0) await recordFact(sql, GcPaused, CLEANUP, { principal });
    });
  }

  async resume(principal: string): Promise<void> {
    await this.database.transaction('metadata.resume-cleanup', async (sql) => {
      const changed = await sql.query(
        'UPDATE installation SET gc_paused_at = NULL, gc_paused_by = NULL WHERE gc_paused_at IS NOT NULL RETURNING 1',
      );
      if (changed.length > 0) await recordFact(sql, GcResumed, CLEANUP, { principal });
    });
  }

  endCollection(): Promise<{ ended: boolean; settled: boolean }> {
    return this.database.transaction('metadata.end-collection', async (sql) => {
      const ended = await endCollection(sql);
      const open = await sql.query(`SELECT FROM gc_run WHERE kind = 'collection' AND ended_at IS NULL`);
      return { ended, settled: open.length === 0 };
    });
  }
}

export const LIST_RUNS = `
  SELECT * FROM gc_run WHERE ($1::text IS NULL OR kind = $1) AND ($2::uuid IS NULL OR id < $2)
  ORDER BY id DESC LIMIT $3`;
