import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { eventually } from '#testing/eventually';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { Database } from './database';
import { MIGRATION_LOCK, MIGRATIONS, migrate } from './migrate';
import { Warehouse0001 } from './migrations/0001-warehouse';

import { numberOf } from './schema-range';

const REPLICAS = 5;
const NUMBERS = MIGRATIONS.map((Migration) => numberOf(new Migration().name)).sort((one, other) => one - other);
const NEWEST = NUMBERS.at(-1)!;

/** Those who wait for a lock of the database. */
const WAITING = `SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

describe('the schema of a database that is opened', () => {
  let postgres: TestDatabase;
  let admin: Client;
  let databases = 0;

  beforeAll(async () => {
    postgres = await startTestDatabase();
    admin = new Client(postgres.url);
    await admin.connect();
  });
  afterAll(async () => {
    await admin?.end();
    await postgres?.stop();
  });

  async function emptyDatabase(): Promise<string> {
    databases += 1;
    await admin.query(`CREATE DATABASE spec_${databases}`);
    return postgres.url.replace(/[^/]*$/, `spec_${databases}`);
  }

  async function firstSchema(): Promise<string> {
    const url = await emptyDatabase();
    const common = { type: 'postgres', url, migrationsTableName: 'migration' } as const;
    const source = await new DataSource({ ...common, migrations: [Warehouse0001] }).initialize();
    await source.runMigrations({ transaction: 'all' });
    await source.destroy();
    return url;
  }

  async function within<T>(url: string, run: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client(url);
    await client.connect();
    return run(client).finally(() => client.end());
  }

  /** The migrations that were run, each as often as it was. */
  const migrated = (url: string) =>
    within(url, async (client) =>
      (await client.query('SELECT name FROM migration ORDER BY id')).rows.map(({ name }) => numberOf(name)),
    );

  async function open(url: string): Promise<Database['migrated']> {
    const database = await Database.open({ url, poolSize: 2, waitMs: 5_000 });
    await database.onApplicationShutdown();
    return database.migrated;
  }

  it('is said to be migrated where an older program wrote it, and not where it is this one or new', async () => {
    const url = await firstSchema();
    expect(await open(url)).toEqual({ from: 1, to: NEWEST });
    expect(await open(url)).toBeNull();
    expect(await open(await emptyDatabase())).toBeNull();
  });

  it.each([
    ['empty', emptyDatabase, 0],
    ['old', firstSchema, 1],
  ] as const)(
    'of an %s one is migrated by one replica of many, for which the others wait',
    async (_, make, winners) => {
      const url = await make();
      await within(url, async (other) => {
        // Who comes first waits for this one too: so all have come before anybody begins.
        await other.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
        const opened = Array.from({ length: REPLICAS }, () => open(url));
        await eventually('all wait', async () => (await other.query(WAITING)).rowCount === REPLICAS);
        await other.query('SELECT pg_advisory_unlock_all()');
        const changed = (await Promise.all(opened)).filter((each) => each !== null);
        expect(changed).toHaveLength(winners);
      });
      expect(await migrated(url)).toEqual(NUMBERS);
    },
  );

  it('is whole or as it was where the replica that migrates loses its connection, and the next one goes on', async () => {
    const url = await firstSchema();
    await within(url, async (other) => {
      await other.query('BEGIN; LOCK TABLE installation IN EXCLUSIVE MODE');
      const lost = migrate(url).catch((why: unknown) => why);
      const pids = `SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'entrepot migrate'`;
      const isStuck = `SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (${pids})`;
      await eventually('it is in the middle', async () => (await other.query(isStuck)).rowCount === 1);
      await other.query(`SELECT pg_terminate_backend(pid) FROM (${pids}) AS it`);
      expect(await lost).toBeInstanceOf(Error);
      expect(await migrated(url)).toEqual([1]);
      await other.query('COMMIT');
    });
    expect(await open(url)).toEqual({ from: 1, to: NEWEST });
  });

  describe('that a later program wrote', () => {
    const later = (url: string, oldest: number | undefined) =>
      within(url, async (client) => {
        await client.query(`INSERT INTO migration (timestamp, name) VALUES (9999, 'Later0000000009999')`);
        const said = oldest === undefined ? 'NULL' : `'programs that know schema ${oldest} or later may use it'`;
        await client.query(`COMMENT ON TABLE migration IS ${said}`);
      });

    it('is used as it is where that left what this one needs', async () => {
      const url = await emptyDatabase();
      await open(url);
      await later(url, NEWEST);
      expect(await open(url)).toBeNull();
      expect((await migrated(url)).at(-1)).toBe(9999);
      // What that said of others stays.
      await expect(open(url)).resolves.toBeNull();
    });

    it.each([
      ['more than one version later', NEWEST + 1, /, which programs that know schema \d+ or later may use,/],
      ['later than anybody said', undefined, /^The database has schema 9999 \(Later0000000009999\), and this program/],
    ] as const)('is refused where it is %s, with what to do', async (_, oldest, said) => {
      const url = await emptyDatabase();
      await open(url);
      await later(url, oldest);
      const refused = open(url);
      await expect(refused).rejects.toThrow(said);
      await expect(refused).rejects.toThrow(/knows schemas up to \d+: start the newer version that wrote it/);
    });
  });
});
