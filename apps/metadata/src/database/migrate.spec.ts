import { DataSource } from 'typeorm';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { Database } from './database';
import { Warehouse0001 } from './migrations/0001-warehouse';

describe('the schema of a database that is opened', () => {
  let postgres: TestDatabase;
  beforeAll(async () => {
    postgres = await startTestDatabase();
  });
  afterAll(() => postgres?.stop());

  async function open(): Promise<Database['migrated']> {
    const database = await Database.open({ url: postgres.url, poolSize: 2, waitMs: 5_000 });
    await database.onApplicationShutdown();
    return database.migrated;
  }

  it('is said to be migrated where an older program wrote it, and not where it is this one or new', async () => {
    const common = { type: 'postgres', url: postgres.url, migrationsTableName: 'migration' } as const;
    const source = await new DataSource({ ...common, migrations: [Warehouse0001] }).initialize();
    await source.runMigrations({ transaction: 'all' });
    await source.destroy();
    const migrated = await open();
    expect(migrated).toEqual({ from: 1, to: expect.any(Number) });
    expect(migrated!.to).toBeGreaterThan(3);
    expect(await open()).toBeNull();
  });

  it('that was made is not said to be migrated', async () => {
    const other = await startTestDatabase();
    const database = await Database.open({ url: other.url, poolSize: 2, waitMs: 5_000 });
    expect(database.migrated).toBeNull();
    await database.onApplicationShutdown();
    await other.stop();
  });
});
