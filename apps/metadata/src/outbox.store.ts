import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { FactDefinition } from '#contracts/define-message';
import type { Sql } from './database';

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
  const id = uuidv7();
  const partition = partitionOf(aggregate);
  const event = {
    specversion: '1.0',
    id,
    source: 'entrepot/metadata',
    type: fact.type,
    subject: aggregate,
    datacontenttype: 'application/json',
    data,
  };
  await sql.query(
    `INSERT INTO outbox (partition, subject, message, message_id) VALUES ($1, $2, $3::jsonb || jsonb_build_object(
      'time', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'revision', nextval('fact_revision')::text), $4)`,
    [partition, fact.subject, JSON.stringify(event), id],
  );
  sql.facts.add(partition);
}
