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
    const { ENTREPOT_OPERATION_KEEP_MS: keepMs, ENTREPOT_READ_LEASE_CAP_MS: capMs } = this.config;
    const { ENTREPOT_KEEP_PULLED_MS: pulledMs, ENTREPOT_UNDO_MS: undoMs } = this.config;
    const operations = await this.database.transaction('metadata.forget-operations', (sql) =>
      forget(sql, OPERATIONS, limit, keepMs),
    );
    const [silent, ...lapsed] = await this.database.transaction('metadata.forget-lapsed', async (sql) => [
      await endReporter(sql, {
        reviewInMs: this.config.ENTREPOT_REVIEW_DELAY_MS,
        awayMs: this.config.ENTREPOT_AWAY_MS,
      }),
      await forget(sql, LEASES, limit, capMs),
      await forget(sql, TRASH, limit, keepMs),
      await forget(sql, ABSENCES, limit, Math.max(pulledMs, undoMs, LONGEST_REPORT_MS)),
      // One at a time: it may have many items.
      await forget(sql, PLANS, 1, keepMs),
      await forget(sql, RUNS, limit, keepMs),
    ]);
    const rows = lapsed.reduce((sum, each) => sum + each, silent!);
    return { operations, rows, more: silent === 1 || [operations, ...lapsed].includes(limit) };
  }
}

const LONGEST_REPORT_MS = LONGEST_LEASE_SECONDS * 1000;

interface Ended {
  readonly table: string;
  readonly key?: string;
  /** The column that says when it was over. */
  readonly since: string;
  /** What must be so beside that, or is added to its time. */
  readonly also?: string;
}

/** With what they touched. The same request under the same id is a new one from then on. */
const OPERATIONS = { table: 'operation', since: 'ended_at' };
/** Of readers that died. One that only slept finds its lease as old as it was, and is capped by it. */
const LEASES = { table: 'lease', key: 'ctid', since: 'until' };
/** What became of an undo is told for as long as the operation that made it is. */
const TRASH = { table: 'trash', since: 'until', also: `AND (keeps IS NULL OR ${undoEnds('trash')} < now())` };
/**
 * An absence is left out of an age while the age reaches back to it: at the most to the longest age and all absences
 * together before now. Whatever was used before that is too old with it as without it.
 */
const ABSENCES = {
  table: 'absence',
  key: 'began_at',
  since: 'ended_at',
  also: '- (SELECT sum(ended_at - began_at) FROM absence)',
};
const PLANS = {
  table: 'plan',
  since: 'made_at',
  also: 'AND NOT EXISTS (SELECT FROM operation WHERE operation.id = applied_by AND ended_at IS NULL)',
};
const RUNS = { table: 'gc_run', since: 'ended_at' };

async function forget(sql: Sql, { table, key = 'id', since, also = '' }: Ended, limit: number, keepMs: number) {
  const gone = await sql.query(
    `DELETE FROM ${table} WHERE ${key} = ANY(ARRAY(
        SELECT ${key} FROM ${table} WHERE ${since} < now() - $2 * interval '1 millisecond' ${also}
        ORDER BY ${since} LIMIT $1 FOR UPDATE SKIP LOCKED))
      RETURNING 1`,
    [limit, keepMs],
  );
  return gone.length;
}
