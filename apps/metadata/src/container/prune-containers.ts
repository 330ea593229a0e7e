import type { ContainerPruneBody, ContainerPruneOutcome } from '#contracts/bodies/container';
import { MOST_NAMES } from '#contracts/bodies/remove';
import type { Sql } from '../database/database';
import { endOperation } from '../operation/end-operation';
import type { OperationRow } from '../operation/operation-rows';
import { readUntil } from '../prune/read-until';
import { WITH_ABSENCES } from '../review/keep-reasons';
import { STOPPED } from './move-container';
import { labelCondition, labelParams, readLabelFilter } from './read-label-filter';
import { removeContainers } from './remove-containers';

/** As many as one transaction takes away: nobody waits for its locks for long. */
const AT_ONCE = 1_000;

type Asked = Pick<OperationRow, 'id' | 'body'>;
type Pruned = Pick<ContainerPruneOutcome['containers'][number], 'container' | 'name'>;

const NONE: ContainerPruneOutcome = { containers: [], count: 0, dryRun: false };

/** Takes those that have no process, were made here, and that all filters take. Null where these are too many for one transaction. */
export async function pruneAtOnce(sql: Sql, asked: Asked, reviewInMs: number): Promise<ContainerPruneOutcome | null> {
  if ((asked.body as ContainerPruneBody).dryRun) return readPruned(sql, asked);
  const found = await sql.query(`SELECT ${PRUNED} LIMIT ${AT_ONCE + 1}`, paramsOf(asked));
  return found.length > AT_ONCE ? null : takeNext(sql, asked, NONE, reviewInMs);
}

/** Takes the next of many, of a prune that the caller has locked; with the last of them it ends. */
export async function prunePart(
  sql: Sql,
  operation: OperationRow,
  reviewInMs: number,
): Promise<{ count: number; more: boolean }> {
  const before = (operation.outcome as ContainerPruneOutcome | null) ?? NONE;
  const outcome = await takeNext(sql, operation, before, reviewInMs);
  const more = outcome.count > before.count;
  if (more) await sql.query('UPDATE operation SET outcome = $2 WHERE id = $1', [operation.id, JSON.stringify(outcome)]);
  else await endOperation(sql, operation, { state: 'completed', outcome }, reviewInMs);
  return { count: outcome.count, more };
}

async function readPruned(sql: Sql, asked: Asked): Promise<ContainerPruneOutcome> {
  const rows = await sql.query<Pruned & { count: number }>(
    `SELECT container, name, count(*) OVER ()::int AS count FROM (SELECT ${PRUNED}) AS pruned LIMIT ${MOST_NAMES}`,
    paramsOf(asked),
  );
  const containers = rows.map(({ container, name }) => ({ container, name }));
  return { containers, count: rows[0]?.count ?? 0, dryRun: true };
}

async function takeNext(
  sql: Sql,
  asked: Asked,
  { containers, count, dryRun }: ContainerPruneOutcome,
  reviewInMs: number,
): Promise<ContainerPruneOutcome> {
  const next = await sql.query<Pruned>(`SELECT ${PRUNED} ORDER BY id LIMIT ${AT_ONCE} FOR UPDATE`, paramsOf(asked));
  const ids = next.map(({ container }) => container);
  await removeContainers(sql, ids, { reviewInMs });
  return { containers: [...containers, ...next].slice(0, MOST_NAMES), count: count + next.length, dryRun };
}

function paramsOf({ id, body }: Asked): unknown[] {
  const { until, labels } = body as ContainerPruneBody;
  const age = until === undefined ? {} : readUntil(until);
  const [since, forMs] = ['since' in age ? age.since : null, 'forMs' in age ? age.forMs : null];
  return [STOPPED, id, since, forMs, ...labelParams(readLabelFilter(labels))];
}

/**
 * None that came after operation $2 was accepted: ages count up to then ($4, in milliseconds), without the time that
 * metadata was away. Where labels decide, those whose image's labels are not known yet are left.
 */
const PRUNED = `id AS container, name FROM container,
    LATERAL (SELECT accepted_at AS asked_at FROM operation WHERE id = $2 OFFSET 0) AS asked
  WHERE state = ANY($1) AND reporter IS NULL AND created_at <= asked_at
    AND ($3::timestamptz IS NULL OR created_at < $3)
    AND ($4::float8 IS NULL
      OR created_at + $4 * interval '1 millisecond' + ${WITH_ABSENCES('created_at')} <= asked_at)
    AND (NOT $5::boolean OR NOT EXISTS (SELECT FROM image_config
      WHERE image_config.manifest = container.manifest AND read_at IS NULL))
    AND ${labelCondition(5)}`;
