import { Inject, Injectable } from '@nestjs/common';
import { LONGEST_LEASE_SECONDS } from '#contracts/bodies/container-report';
import type { ForgetEnded } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import { endReporter } from '../container/end-reporters';
import { Database, type Sql } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { undoEnds } from './keep-reasons';

/**
 * Rows that have had their time. What only grows otherwise is named here; `tag_move` is not: the history of a tag is
 * wanted for as long as there is the tag's repository, and a row of it is as small as the move was rare.
 */
@Injectable()
export class EndedStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** At most `limit` of each kind, those that ended first; of reporters, one. */
  async forget(limit: number): Promise<AnswerOf<typeof ForgetEnded>> {
    const operations = await this.database.transaction('metadata.forget-operations', (sql) =>
      forgetOperations(sql, limit, this.config.ENTREPOT_OPERATION_KEEP_MS),
    );
    const [silent, ...lapsed] = await this.database.transaction('metadata.forget-lapsed', async (sql) => [
      await endReporter(sql, {
        reviewInMs: this.config.ENTREPOT_REVIEW_DELAY_MS,
        awayMs: this.config.ENTREPOT_AWAY_MS,
      }),
      await forgetLeases(sql, limit, this.config.ENTREPOT_READ_LEASE_CAP_MS),
      await forgetTrash(sql, limit, this.config.ENTREPOT_OPERATION_KEEP_MS),
      await forgetAbsences(
        sql,
        limit,
        Math.max(this.config.ENTREPOT_KEEP_PULLED_MS, this.config.ENTREPOT_UNDO_MS, LONGEST_REPORT_MS),
      ),
      await forgetPlans(sql, this.config.ENTREPOT_OPERATION_KEEP_MS),
      await forgetRuns(sql, limit, this.config.ENTREPOT_OPERATION_KEEP_MS),
    ]);
    const rows = lapsed.reduce((sum, each) => sum + each, silent!);
    return { operations, rows, more: silent === 1 || [operations, ...lapsed].includes(limit) };
  }
}

const LONGEST_REPORT_MS = LONGEST_LEASE_SECONDS * 1000;

/** With what they touched. The same request under the same id is a new one from then on. */
async function forgetOperations(sql: Sql, limit: number, keepMs: number): Promise<number> {
  const gone = await sql.query(
    `DELETE FROM operation WHERE id = ANY(ARRAY(
        SELECT id FROM operation WHERE ended_at < now() - $2 * interval '1 millisecond'
        ORDER BY ended_at LIMIT $1 FOR UPDATE SKIP LOCKED))
      RETURNING 1`,
    [limit, keepMs],
  );
  return gone.length;
}

/** Of readers that died. One that only slept finds its lease as old as it was, and is capped by it. */
async function forgetLeases(sql: Sql, limit: number, capMs: number): Promise<number> {
  const gone = await sql.query(
    `DELETE FROM lease WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM lease WHERE until < now() - $2 * interval '1 millisecond'
        ORDER BY until LIMIT $1 FOR UPDATE SKIP LOCKED))
      RETURNING 1`,
    [limit, capMs],
  );
  return gone.length;
}

/** What became of an undo is told for as long as the operation that made it is. */
async function forgetTrash(sql: Sql, limit: number, keepMs: number): Promise<number> {
  const gone = await sql.query(
    `DELETE FROM trash WHERE id = ANY(ARRAY(
        SELECT id FROM trash WHERE until < now() - $2 * interval '1 millisecond'
          AND (keeps IS NULL OR ${undoEnds('trash')} < now())
        ORDER BY until LIMIT $1 FOR UPDATE SKIP LOCKED))
      RETURNING 1`,
    [limit, keepMs],
  );
  return gone.length;
}

/**
 * An absence is left out of an age while the age reaches back to it: at the most to the longest age and all absences
 * together before now. Whatever was used before that is too old with it as without it.
 */
async function forgetAbsences(sql: Sql, limit: number, longestMs: number): Promise<number> {
  const gone = await sql.query(
    `DELETE FROM absence WHERE began_at = ANY(ARRAY(
        SELECT began_at FROM absence WHERE ended_at < now() - $2 * interval '1 millisecond'
          - (SELECT sum(ended_at - began_at) FROM absence)
        ORDER BY began_at LIMIT $1 FOR UPDATE SKIP LOCKED))
      RETURNING 1`,
    [limit, longestMs],
  );
  return gone.length;
}

/** As long as operations, and one at a time: it may have many items. */
async function forgetPlans(sql: Sql, keepMs: number): Promise<number> {
  const gone = await sql.query(
    `DELETE FROM plan WHERE id = (
        SELECT id FROM plan WHERE made_at < now() - $1 * interval '1 millisecond'
          AND NOT EXISTS (SELECT FROM operation WHERE operation.id = applied_by AND ended_at IS NULL)
        ORDER BY made_at LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING 1`,
    [keepMs],
  );
  return gone.length;
}

async function forgetRuns(sql: Sql, limit: number, keepMs: number): Promise<number> {
  const gone = await sql.query(
    `DELETE FROM gc_run WHERE id = ANY(ARRAY(
        SELECT id FROM gc_run WHERE ended_at < now() - $2 * interval '1 millisecond'
        ORDER BY ended_at LIMIT $1 FOR UPDATE SKIP LOCKED))
      RETURNING 1`,
    [limit, keepMs],
  );
  return gone.length;
}
