import type { Client } from 'pg';
import { StartFault } from '#config/start-fault';
import { migrate, migrateTo, NOT_EMPTY } from '../database/migrate';
import { type Header, quoted, type Table } from './archive-format';
import { connect } from './connect';
import { readBackup, verifyBackup } from './read-backup';
import { readTables } from './read-tables';
import { settleRestored } from './settle-restored';

/** Texts of rows that are sent together, in characters. */
const BATCH_CHARACTERS = 4 * 1024 * 1024;
const BATCH_ROWS = 2_000;

export interface Restored {
  readonly header: Header;
  readonly rows: number;
  /** What the schema was brought to; null where the backup had this program's. */
  readonly migrated: { readonly from: number; readonly to: number } | null;
}

/**
 * Fills an empty database with what a backup holds: in one transaction, after the whole file was read and found right.
 * Killed in the middle, it is begun again. `settle` ends what was under way. Throws StartFault.
 */
export async function loadBackup(url: string, path: string, settle = settleRestored): Promise<Restored> {
  const { header, rows } = await verifyBackup(path);
  await migrateTo(url, header.migrations);
  const client = await connect(url);
  try {
    await client.query('BEGIN');
    await refuseOther(client, header);
    await fill(client, path, header);
    await settle(client);
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
  return { header, rows, migrated: await migrate(url) };
}

/** The same tables with the same columns, and nothing in them: what a migration puts there is replaced. */
async function refuseOther(client: Client, header: Header): Promise<void> {
  await client.query('LOCK TABLE installation IN ACCESS EXCLUSIVE MODE');
  const { rows } = await client.query('SELECT 1 FROM installation');
  if (rows.length > 0) throw new StartFault(NOT_EMPTY);
  const here = (await readTables(client)).map(describe).sort();
  const there = header.tables.map(describe).sort();
  const other = there.find((table, at) => table !== here[at]);
  if (other === undefined && here.length === there.length) return;
  throw new StartFault(
    `The backup has other tables than its migrations make (${other ?? here.at(-1)}): it is not restored.`,
  );
}

const describe = ({ name, columns }: Table) =>
  `${name}: ${columns
    .map((column) => `${column.name} ${column.type}`)
    .sort()
    .join(', ')}`;

async function fill(client: Client, path: string, header: Header): Promise<void> {
  await client.query(`TRUNCATE ${header.tables.map(({ name }) => quoted(name)).join(', ')}`);
  const tables = new Map(header.tables.map((table) => [table.name, insertOf(table)]));
  const waiting = { table: '', rows: [] as string[], characters: 0 };
  const send = async () => {
    if (waiting.rows.length > 0) await client.query(tables.get(waiting.table)!, [waiting.rows]);
    waiting.rows = [];
    waiting.characters = 0;
  };
  for await (const entry of readBackup(path)) {
    if ('header' in entry) continue;
    const isFull = waiting.characters >= BATCH_CHARACTERS || waiting.rows.length >= BATCH_ROWS;
    if (isFull || entry.table !== waiting.table) await send();
    waiting.table = entry.table;
    waiting.rows.push(entry.row);
    waiting.characters += entry.row.length;
  }
  await send();
  for (const { name, value } of header.sequences) {
    if (value !== null) await client.query('SELECT setval($1::regclass, $2::bigint)', [quoted(name), value]);
  }
}

function insertOf({ name, columns }: Table): string {
  const names = columns.map((column) => quoted(column.name)).join(', ');
  const values = columns.map(({ type }, at) => `(row ->> ${at})::${type}`).join(', ');
  return `INSERT INTO ${quoted(name)} (${names}) OVERRIDING SYSTEM VALUE
    SELECT ${values} FROM (SELECT text::json AS row FROM unnest($1::text[]) AS text) AS rows`;
}
