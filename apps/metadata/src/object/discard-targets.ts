import type { Sql } from '../database/database';
import type { MetadataConfig } from '../metadata.config';

/** An object that would not be composed so many times is left alone for so long, in milliseconds. */
const PARKED_MS = 24 * 60 * 60 * 1000;

/** Bytes of objects that were to be swapped in may be deleted once this is committed. */
export async function discardTargets(sql: Sql, targets: readonly string[]): Promise<void> {
  await sql.query(`UPDATE object SET state = 'purging' WHERE id = ANY($1) AND state = 'uploading'`, [targets]);
}

/**
 * Ends these attempts, whose targets' rows the caller has locked: those that ran out, or all. Their sources are due
 * again after a back-off; one that used up its attempts after a day, for it may be the store that was at fault.
 */
export async function endComposings(
  sql: Sql,
  targets: readonly string[],
  config: MetadataConfig,
  onlyExpired: boolean,
): Promise<string[]> {
  const ended = await sql.query<{ source: string; target: string }>(
    `UPDATE composing SET target_id = NULL, claimed_until = NULL, worker = NULL,
        attempts = CASE WHEN attempts >= $3 THEN 0 ELSE attempts END,
        due_at = now() + interval '1 millisecond' * CASE WHEN attempts >= $3 THEN $6::float8
          ELSE least($5::float8, $4::float8 * power(2, least(30, attempts - 1))) END
      FROM unnest($1::uuid[]) AS target
      WHERE target_id = target AND (claimed_until < now() OR NOT $2) RETURNING source_id AS source, target`,
    [
      targets,
      onlyExpired,
      config.ENTREPOT_ATTEMPTS,
      config.ENTREPOT_BACKOFF_MS,
      config.ENTREPOT_BACKOFF_LONGEST_MS,
      PARKED_MS,
    ],
  );
  await discardTargets(
    sql,
    ended.map((each) => each.target),
  );
  return ended.map((each) => each.source);
}

/** These objects are purging: nothing is made of them any more, and what was being made goes too. */
export async function endComposingsOf(sql: Sql, sources: readonly string[]): Promise<void> {
  const ended = await sql.query<{ target: string | null }>(
    `DELETE FROM composing USING object WHERE object.id = source_id AND state = 'purging' AND source_id = ANY($1)
      RETURNING target_id AS target`,
    [sources],
  );
  await discardTargets(
    sql,
    ended.flatMap(({ target }) => target ?? []),
  );
}
