import type { Client } from 'pg';
import { RAISE_GENERATION } from '../journal/journal.store';

/**
 * What was under way when a backup was made is over, and the store may be ahead of it: a new generation begins, in which
 * nothing is purged until the store was compared with the rows. Bytes of uploads that had not ended are the store's to
 * tell: they may have ended since.
 */
export async function settleRestored(client: Client): Promise<void> {
  for (const statement of STATEMENTS) await client.query(statement);
  await raiseGeneration(client);
  // An older schema may have none.
  const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('composing') IS NOT NULL AS there`);
  if (rows[0]?.there) await client.query(END_COMPOSINGS);
  await client.query(`DELETE FROM object WHERE state = 'uploading'`);
}

/** An older schema has no adoption, and makes one of the generation when it is migrated. */
async function raiseGeneration(client: Client): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('adoption') IS NOT NULL AS there`);
  if (!rows[0]?.there) await client.query('UPDATE installation SET generation = generation + 1');
  else for (const statement of RAISE_GENERATION) await client.query(statement, [0]);
}

const STATEMENTS = [
  'DELETE FROM lease',
  'DELETE FROM upload_session',
  `UPDATE fill SET state = 'wanted', session_id = NULL, worker = NULL, claimed_until = NULL, due_at = now()
    WHERE state = 'running'`,
  'UPDATE outbox_partition SET worker = NULL, leased_until = NULL',
];

const END_COMPOSINGS = 'UPDATE composing SET target_id = NULL, worker = NULL, claimed_until = NULL, due_at = now()';
