import type { Database } from './database';

/**
 * Ends every lease of workers that are dead for certain: called where this process is the only one that works on the
 * database, and holds the data folder's lock to prove it. Elsewhere a lease is waited for.
 */
export async function endLeases(database: Database): Promise<void> {
  await database.transaction('metadata.end-leases', async (sql) => {
    await sql.query('UPDATE outbox_partition SET worker = NULL, leased_until = NULL WHERE worker IS NOT NULL');
    await sql.query(`UPDATE operation SET claimed_until = clock_timestamp() WHERE state = 'running'`);
    await sql.query(`UPDATE fill SET claimed_until = clock_timestamp() WHERE state = 'running'`);
    await sql.query(`UPDATE object SET claimed_until = NULL WHERE state = 'purging'`);
    await sql.query('UPDATE composing SET claimed_until = clock_timestamp() WHERE target_id IS NOT NULL');
    await sql.query('DELETE FROM scrubbing');
    await sql.query('UPDATE adoption SET claimed_until = NULL');
  });
}
