import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { startPostgres } from '#children/postgres';
import { runWell } from '#testing/run-program';

const FIXTURE = join(__dirname, 'first-layout');
const read = (name: string) => readFile(join(FIXTURE, name), 'utf8');

/** An image as the first program listed it. */
export interface FirstImage {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly digest: string;
  readonly size: number;
  readonly complete: boolean;
}

export const firstImages = async () => JSON.parse(await read('images.json')) as FirstImage[];

export const firstSchema = () => read('schema.sql');

/** A data folder as the first program left it, in an empty folder: its files, and its rows in a cluster of their own. */
export async function layFirstLayout(data: string): Promise<void> {
  await runWell('tar', ['-xzf', join(FIXTURE, 'data.tar.gz'), '-C', data]);
  const postgres = await startPostgres({ folder: join(data, 'postgres') });
  try {
    await load(postgres.url);
  } finally {
    await postgres.stop();
  }
}

/** The first program's rows, under the schema that it made, in an empty database. */
export async function load(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(await firstSchema());
    await client.query(
      'CREATE TABLE migration (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL)',
    );
    // Rows come in no order of their references.
    await client.query('SET session_replication_role = replica');
    for (const [table, rows] of Object.entries(JSON.parse(await read('rows.json')) as Record<string, object[]>)) {
      await insert(client, table, rows);
    }
    for (const [name, value] of Object.entries(JSON.parse(await read('sequences.json')) as Record<string, string>)) {
      await client.query('SELECT setval($1, $2)', [name, value]);
    }
  } finally {
    await client.end();
  }
}

async function insert(client: Client, table: string, rows: readonly object[]): Promise<void> {
  const { rows: found } = await client.query<{ name: string }>(
    `SELECT quote_ident(attname) AS name FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [table],
  );
  const columns = found.map(({ name }) => name).join(', ');
  await client.query(`DELETE FROM ${table}`);
  await client.query(
    `INSERT INTO ${table} (${columns}) OVERRIDING SYSTEM VALUE
     SELECT ${columns} FROM json_populate_recordset(NULL::${table}, $1)`,
    [JSON.stringify(rows)],
  );
}
