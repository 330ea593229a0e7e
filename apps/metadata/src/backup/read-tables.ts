import type { Client } from 'pg';
import { StartFault } from '#config/start-fault';
import type { Header, Table } from './archive-format';

/** Those of an extension are made by it, and the list of migrations by the migrations. */
const OURS = `relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'migration'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')`;

/** Every table that is there, with the columns that can be written, each after those that it refers to. */
export async function readTables(client: Client): Promise<Table[]> {
  const { rows: tables } = await client.query<Table>(
    `SELECT relname AS name, json_agg(json_build_object(
          'name', attname, 'type', format_type(atttypid, atttypmod)) ORDER BY attnum) AS columns
      FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
      WHERE ${OURS} AND attgenerated = '' GROUP BY relname ORDER BY relname`,
  );
  const { rows: references } = await client.query<Reference>(
    `SELECT below.relname AS "from", above.relname AS "to" FROM pg_constraint
      JOIN pg_class AS below ON below.oid = conrelid JOIN pg_class AS above ON above.oid = confrelid
      WHERE contype = 'f' AND conrelid <> confrelid`,
  );
  return inOrder(tables, references);
}

/** What identity columns and other columns count with. */
export async function readSequences(client: Client): Promise<Header['sequences']> {
  const { rows } = await client.query<{ name: string; value: string | null }>(
    `SELECT sequencename AS name, last_value::text AS value FROM pg_sequences
      WHERE schemaname = current_schema() AND sequencename NOT LIKE 'migration\\_%' ORDER BY sequencename`,
  );
  return rows;
}

interface Reference {
  readonly from: string;
  readonly to: string;
}

function inOrder(tables: readonly Table[], references: readonly Reference[]): Table[] {
  const ordered: Table[] = [];
  let waiting = [...tables];
  while (waiting.length > 0) {
    const names = new Set(waiting.map(({ name }) => name));
    const isFree = ({ name }: Table) => !references.some(({ from, to }) => from === name && names.has(to));
    const free = waiting.filter(isFree);
    if (free.length === 0) throw new StartFault(`The tables ${[...names].join(', ')} refer to each other in a circle.`);
    ordered.push(...free);
    waiting = waiting.filter((table) => !free.includes(table));
  }
  return ordered;
}
