import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { StartFault } from '#config/start-fault';
import { Warehouse0001 } from './migrations/0001-warehouse';
import { Upkeep0002 } from './migrations/0002-upkeep';
import { Composing0003 } from './migrations/0003-composing';
import { Callers0004 } from './migrations/0004-callers';
import { Containers0005 } from './migrations/0005-containers';
import { Trash0006 } from './migrations/0006-trash';
import { Cleanup0007 } from './migrations/0007-cleanup';
import { Looking0008 } from './migrations/0008-looking';
import { Usage0009 } from './migrations/0009-usage';
import { LargeLists0010 } from './migrations/0010-large-lists';
import { OperationKinds0011 } from './migrations/0011-operation-kinds';
import { PruneSteps0012 } from './migrations/0012-prune-steps';
import { Collecting0013 } from './migrations/0013-collecting';
import { Scrub0014 } from './migrations/0014-scrub';
import { Adoption0016 } from './migrations/0016-adoption';
import { BusUsers0018 } from './migrations/0018-bus-users';
import { Writers0019 } from './migrations/0019-writers';
import { Traces0020 } from './migrations/0020-traces';
import { checkReader, numberOf, oldestReader, type SchemaStep, sayOldestReader } from './schema-range';

/** Every migration there is, oldest first; the last thirteen digits of each name are its number. */
export const MIGRATIONS = [
  Warehouse0001,
  Upkeep0002,
  Composing0003,
  Callers0004,
  Containers0005,
  Trash0006,
  Cleanup0007,
  Looking0008,
  Usage0009,
  OperationKinds0011,
  LargeLists0010,
  PruneSteps0012,
  Collecting0013,
  Scrub0014,
  Adoption0016,
  BusUsers0018,
  Writers0019,
  Traces0020,
];

/** Any constant: whoever migrates this database takes this lock. */
export const MIGRATION_LOCK = 4_211_700_001;

/** What takes connections there and says nothing may be no Postgres at all. */
const CONNECT_WITHIN_MS = 5_000;

/** Said of what must not be restored over. */
export const NOT_EMPTY =
  'The database holds a warehouse already, and nothing was restored: a backup is restored into an empty database.';

const STEPS: readonly SchemaStep[] = MIGRATIONS.map((Migration) => new Migration());
const NEWEST = Math.max(...STEPS.map(({ name }) => numberOf(name)));

/** The schemas before and after. */
export interface Migrated {
  readonly from: number;
  readonly to: number;
}

/**
 * Brings the schema up to this program, once however many start together; gives what it changed of one that was there.
 * A newer schema is left as it is. Throws StartFault where that is too new for this program.
 */
export function migrate(url: string): Promise<Migrated | null> {
  return onSchema(url, MIGRATIONS, async (source) => {
    const from = await schemaOf(source);
    if (from !== null && from > NEWEST) return null;
    await source.runMigrations({ transaction: 'all' });
    await sayOldestReader(source, oldestReader(STEPS));
    await source.query('INSERT INTO installation (id) VALUES (gen_random_uuid()) ON CONFLICT DO NOTHING');
    return from === null || from === NEWEST ? null : { from, to: NEWEST };
  });
}

/**
 * Makes the tables that these migrations made elsewhere, in a database that has none or a part of them, and leaves them
 * empty. Throws StartFault for a migration that this program does not know, and for a database that has others.
 */
export async function migrateTo(url: string, names: readonly string[]): Promise<void> {
  const known = new Map(MIGRATIONS.map((Migration) => [new Migration().name, Migration]));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new StartFault(
      `The backup has schema ${numberOf(unknown)} (${unknown}), and this program knows schemas up to ${NEWEST}: ` +
        'restore it with the version that wrote it, or a later one.',
    );
  }
  const wanted = names.map((name) => known.get(name)!);
  await onSchema(url, wanted, async (source) => {
    await schemaOf(source);
    const there = await namesOf(source);
    const [used] = there.length > 0 ? await source.query<object[]>('SELECT 1 FROM installation') : [];
    if (used !== undefined || there.some((name) => !names.includes(name))) throw new StartFault(NOT_EMPTY);
    await source.runMigrations({ transaction: 'all' });
  });
}

async function onSchema<T>(
  url: string,
  migrations: typeof MIGRATIONS,
  run: (source: DataSource) => Promise<T>,
): Promise<T> {
  const source = new DataSource({
    type: 'postgres',
    url,
    migrations,
    migrationsTableName: 'migration',
    applicationName: 'entrepot migrate',
    connectTimeoutMS: CONNECT_WITHIN_MS,
    poolSize: 2,
  });
  await source.initialize();
  try {
    return await underLock(source, () => run(source));
  } finally {
    await source.destroy();
  }
}

async function underLock<T>(source: DataSource, run: () => Promise<T>): Promise<T> {
  const holder = source.createQueryRunner();
  try {
    await holder.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const result = await run();
    await holder.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    return result;
  } finally {
    await holder.release();
  }
}

/** The schema that is there; null for none. A program that is too old for it would break rules that it cannot see. */
async function schemaOf(source: DataSource): Promise<number | null> {
  const last = await lastMigration(source);
  if (last === undefined) {
    await refuseForeign(source);
    return null;
  }
  const number = numberOf(last);
  if (number > NEWEST) {
    await checkReader(source, last, NEWEST);
    new Logger('Database').warn(
      `schema ${number} is newer than this program, which knows ${NEWEST} and may still use it`,
    );
  }
  return number;
}

async function lastMigration(source: DataSource): Promise<string | undefined> {
  return (await namesOf(source)).at(-1);
}

/** Of the migrations that were run, oldest first. */
async function namesOf(source: DataSource): Promise<string[]> {
  const [table] = await source.query<{ there: boolean }[]>(`SELECT to_regclass('migration') IS NOT NULL AS there`);
  if (!table?.there) return [];
  const rows = await source.query<{ name: string }[]>('SELECT name FROM migration ORDER BY timestamp');
  return rows.map(({ name }) => name);
}

/** Tables of somebody else, but for those that an extension brought. */
async function refuseForeign(source: DataSource): Promise<void> {
  const tables = await source.query<{ name: string }[]>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname <> 'migration'
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
     ORDER BY relname LIMIT 3`,
  );
  if (tables.length === 0) return;
  const names = tables.map(({ name }) => name).join(', ');
  throw new StartFault(
    `The database holds other things (${names}). DATABASE_URL must name an empty one, or one of Entrepot's.`,
  );
}
