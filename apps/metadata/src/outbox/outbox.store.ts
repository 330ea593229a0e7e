import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { FactDefinition } from '#contracts/define-message';
import type { Sql } from '../database/database';

/** Facts of one aggregate share a partition, and so keep their order whoever relays them. */
export const PARTITIONS = 8;

export function partitionOf(aggregate: string): number {
  return createHash('sha256').update(aggregate).digest().readUInt32BE(0) % PARTITIONS;
}

/**
 * Says in the caller's transaction what it did: the fact is relayed if and only if the transaction commits.
 * `aggregate` is what the fact is about (a repository and tag, a digest, an operation's id); the caller has locked
 * its row, so that revisions rise in the order of the changes.
 */
export async function recordFact<F extends FactDefinition>(
  sql: Sql,
  fact: F,
  aggregate: string,
  data: z.input<F['data']>,
): Promise<void> {
  await recordFacts(sql, fact, [{ aggregate, data }]);
}

/** The same fact about several aggregates, in their order. */
export async function recordFacts<F extends FactDefinition>(
  sql: Sql,
  fact: F,
  facts: readonly { aggregate: string; data: z.input<F['data']> }[],
): Promise<void> {
  if (facts.length === 0) return;
  const rows = facts.map(({ aggregate, data }) => ({
    ...event(fact, aggregate, data),
    partition: partitionOf(aggregate),
  }));
  await sql.query(
    `INSERT INTO outbox (partition, subject, message, message_id)
      SELECT partition, $1, message || jsonb_build_object(
        'time', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'revision', nextval('fact_revision')::text), message ->> 'id'
      FROM unnest($2::int[], $3::jsonb[]) WITH ORDINALITY AS fact (partition, message, position) ORDER BY position`,
    [fact.subject, rows.map((row) => row.partition), rows.map((row) => row.message)],
  );
  for (const { partition } of rows) sql.facts.add(partition);
}

function event(fact: FactDefinition, aggregate: string, data: unknown): { message: string } {
  const message = {
    specversion: '1.0',
    id: uuidv7(),
    source: 'entrepot/metadata',
    type: fact.type,
    subject: aggregate,
    datacontenttype: 'application/json',
    data,
  };
  return { message: JSON.stringify(message) };
}
