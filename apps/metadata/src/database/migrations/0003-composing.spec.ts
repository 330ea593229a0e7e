import { DataSource } from 'typeorm';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { migrate } from '../migrate';
import { Warehouse0001 } from './0001-warehouse';
import { Upkeep0002 } from './0002-upkeep';

const object = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const DIGEST = `sha256:${'1'.repeat(64)}`;

/** Objects of two keys, of one, of pieces without keys, and one that is still uploaded. */
const BEFORE = `
  INSERT INTO object (id, state, digest, size) VALUES ('${object(1)}', 'live', '${DIGEST}', 2),
    ('${object(2)}', 'live', '${DIGEST}', 1), ('${object(3)}', 'live', '${DIGEST}', 2), ('${object(4)}', 'uploading', NULL, NULL);
  INSERT INTO extent (object_id, start, length, key) VALUES ('${object(1)}', 0, 1, 'a'), ('${object(1)}', 1, 1, 'b'),
    ('${object(2)}', 0, 1, 'c'), ('${object(3)}', 0, 1, NULL), ('${object(3)}', 1, 1, NULL),
    ('${object(4)}', 0, 1, 'd'), ('${object(4)}', 1, 1, 'e')`;

describe('the third schema', () => {
  let postgres: TestDatabase;
  let source: DataSource;
  beforeAll(async () => {
    postgres = await startTestDatabase();
    const common = { type: 'postgres', url: postgres.url, migrationsTableName: 'migration' } as const;
    source = await new DataSource({ ...common, migrations: [Warehouse0001, Upkeep0002] }).initialize();
    await source.runMigrations({ transaction: 'all' });
    await source.query(BEFORE);
    await migrate(postgres.url);
  });
  afterAll(async () => {
    await source?.destroy();
    await postgres?.stop();
  });

  it('has those of what is here composed that lie under many keys', async () => {
    expect(await source.query('SELECT source_id FROM composing')).toEqual([{ source_id: object(1) }]);
  });
});
