import { DataSource } from 'typeorm';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { MIGRATIONS } from './migrate';
import { numberOf, oldestReader, type SchemaStep } from './schema-range';

/** The first migration that was made with a version before it in mind. */
const FIRST_HELD = 14;

/** Read by a person: what they forbid, the version before does not do. */
const READ: Readonly<Record<number, readonly string[]>> = {};

const STEPS: readonly SchemaStep[] = MIGRATIONS.map((Migration) => new Migration()).sort(
  (one, other) => numberOf(one.name) - numberOf(other.name),
);

const COLUMNS = `
  SELECT relname || '.' || attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS "notNull",
    atthasdef OR attidentity <> '' OR attgenerated <> '' AS "fillsItself"
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped`;

/** Constraints and unique indexes, each with the columns that it is about. */
const RULES = `
  SELECT conrelid::regclass || ': ' || pg_get_constraintdef(oid) AS rule, conrelid::regclass::text AS "table",
    ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) AS columns
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'p', 'x')
  UNION ALL
  SELECT indrelid::regclass || ': ' || pg_get_indexdef(indexrelid), indrelid::regclass::text,
    ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey))
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
  WHERE indisunique AND relnamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT FROM pg_constraint WHERE conindid = indexrelid)`;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly fillsItself: boolean;
}

interface Rule {
  readonly rule: string;
  readonly table: string;
  readonly columns: readonly string[];
}

interface Schema {
  readonly columns: ReadonlyMap<string, Column>;
  readonly rules: readonly Rule[];
}

const tableOf = (column: string) => column.split('.')[0]!;

/** What a program that knows `before` alone would trip over in `after`. */
function narrowings(before: Schema, after: Schema): string[] {
  const tables = new Set([...before.columns.keys()].map(tableOf));
  const gone = [...before.columns.values()].filter(({ name, type }) => after.columns.get(name)?.type !== type);
  const wanted = [...after.columns.values()].filter(
    ({ name, notNull, fillsItself }) =>
      notNull && tables.has(tableOf(name)) && (before.columns.get(name)?.notNull ?? fillsItself) === false,
  );
  const known = new Set(before.rules.map(({ rule }) => rule));
  const forbids = after.rules.filter(
    ({ rule, table, columns }) =>
      !known.has(rule) && tables.has(table) && columns.some((column) => before.columns.has(`${table}.${column}`)),
  );
  return [
    ...gone.map(({ name }) => `${name} is gone, or of another type`),
    ...wanted.map(({ name }) => `${name} must be given`),
    ...forbids.map(({ rule }) => `new rule: ${rule}`),
  ];
}

describe('migrations', () => {
  let postgres: TestDatabase;
  beforeAll(async () => {
    postgres = await startTestDatabase();
  });
  afterAll(() => postgres?.stop());

  /** The schema after each of them, in order. */
  async function schemas(): Promise<Schema[]> {
    const found: Schema[] = [];
    for (const at of MIGRATIONS.keys()) {
      const names = new Set(STEPS.slice(0, at + 1).map(({ name }) => name));
      const migrations = MIGRATIONS.filter((Migration) => names.has(new Migration().name));
      const options = { type: 'postgres', url: postgres.url, migrationsTableName: 'migration', migrations } as const;
      const source = await new DataSource(options).initialize();
      await source.runMigrations({ transaction: 'all' });
      const columns = await source.query<Column[]>(COLUMNS);
      const rules = await source.query<Rule[]>(RULES);
      found.push({ columns: new Map(columns.map((column) => [column.name, column])), rules });
      await source.destroy();
    }
    return found;
  }

  it('leave what the version before works with, or say that they narrow', async () => {
    const found = await schemas();
    expect(found).toHaveLength(STEPS.length);
    for (const [at, { name, narrows }] of STEPS.entries()) {
      if (numberOf(name) < FIRST_HELD || narrows) continue;
      const read = new Set(READ[numberOf(name)]);
      const trips = narrowings(found[at - 1]!, found[at]!).filter((what) => !read.has(what));
      expect({ name, trips }).toEqual({ name, trips: [] });
    }
  });

  it('that narrow are known by what they take away and what they forbid', async () => {
    const source = await new DataSource({ type: 'postgres', url: postgres.url }).initialize();
    const schema = async (): Promise<Schema> => {
      const columns = await source.query<Column[]>(COLUMNS);
      return { columns: new Map(columns.map((each) => [each.name, each])), rules: await source.query<Rule[]>(RULES) };
    };
    await source.query('CREATE TABLE spec_one (a int, b int, c text, d int)');
    const before = await schema();
    await source.query('ALTER TABLE spec_one ADD e int, ADD f int NOT NULL DEFAULT 0, ADD g int CHECK (g > 0)');
    await source.query('CREATE TABLE spec_two (a int NOT NULL UNIQUE)');
    expect(narrowings(before, await schema())).toEqual([]);
    await source.query(`ALTER TABLE spec_one DROP a, ALTER b SET NOT NULL, ALTER c TYPE varchar(9), ADD UNIQUE (d),
      ADD h int NOT NULL`);
    expect(narrowings(before, await schema())).toEqual([
      'spec_one.a is gone, or of another type',
      'spec_one.c is gone, or of another type',
      'spec_one.b must be given',
      'spec_one.h must be given',
      'new rule: spec_one: UNIQUE (d)',
    ]);
    await source.query('DROP TABLE spec_one, spec_two');
    await source.destroy();
  });

  it('leave the database to programs that know the last one that narrowed', () => {
    const step = (number: number, narrows?: true) =>
      ({ name: `Step${String(number).padStart(13, '0')}`, ...(narrows && { narrows }) }) as SchemaStep;
    expect(oldestReader([step(1), step(2)])).toBe(1);
    expect(oldestReader([step(1), step(2, true), step(3, true), step(4)])).toBe(3);
  });
});
