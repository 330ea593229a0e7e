import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { FactDefinition } from '#contracts/define-message';
import { invalidField } from '#oci/registry-error';
import { traceHeader } from '#telemetry/doing';
import type { Sql } from '../database/database';

/** Facts of one aggregate share a partition, and so keep their order whoever relays them. */
export const PARTITIONS = 8;

export function partitionOf(aggregate: string): number {
  return createHash('sha256').update(aggregate).digest().readUInt32BE(0) % PARTITIONS;
}

/** The most bytes of JSON in a fact's data: far below what any NATS server takes in one message. */
const LARGEST = 64 * 1024;
const LONGEST_MESSAGE = 2_000;

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
  const traceparent = traceHeader();
  const message = {
    specversion: '1.0',
    id: uuidv7(),
    source: 'entrepot/metadata',
    type: fact.type,
    subject: aggregate,
    datacontenttype: 'application/json',
    // The extension of CloudEvents for distributed tracing.
    ...(traceparent === undefined ? {} : { traceparent }),
    data: sendable(fact, data),
  };
  return { message: JSON.stringify(message) };
}

/**
 * What an operation's outcome or its error's detail says is as long as it happens to be: from a fact that is too large
 * it is left out, and is read from the operation. Throws for any other: a fact that cannot be sent is not recorded.
 */
export function sendable(fact: FactDefinition, data: unknown): unknown {
  if (isSmall(data)) return data;
  const { outcome, error, ...rest } = data as { outcome?: unknown; error?: { code: string; message: string } };
  const cut = {
    ...rest,
    ...(outcome === undefined ? {} : { outcome: {} }),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message.slice(0, LONGEST_MESSAGE) } }),
  };
  if (isSmall(cut)) return cut;
  throw invalidField('data', `${fact.type} has more than ${LARGEST} bytes: nobody could be told`);
}

function isSmall(data: unknown): boolean {
  return Buffer.byteLength(JSON.stringify(data)) <= LARGEST;
}
