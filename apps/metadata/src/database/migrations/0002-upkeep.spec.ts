import { DataSource } from 'typeorm';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { migrate } from '../migrate';
import { Warehouse0001 } from './0001-warehouse';

const [NODE, ALPINE] = ['docker.io/library/node', 'team/alpine'];
const [OLD, NEW] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];

/** What a warehouse of the first schema holds. */
const BEFORE = `
  INSERT INTO repository (name, upstream, is_private) VALUES ('${NODE}', 'docker.io', true), ('${ALPINE}', NULL, false);
  INSERT INTO manifest (digest, media_type, kind, bytes) VALUES ('${OLD}', 'a/b', 'image', '{}'), ('${NEW}', 'a/b', 'image', '{}');
  INSERT INTO repository_manifest (repository_id, digest, upstream, credential, committed_at) VALUES
    (1, '${OLD}', 'docker.io', 'anonymous', now() - interval '1 day'), (2, '${NEW}', NULL, NULL, now());
  INSERT INTO tag (repository_id, name, digest) VALUES (2, 'latest', '${NEW}');
  INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, ended_at) VALUES
    ('00000000-0000-4000-8000-000000000001', 'p', '1', '', 'pull', '{}', 'completed', now()),
    ('00000000-0000-4000-8000-000000000002', 'p', '2', '', 'pull', '{}', 'running', NULL);
  INSERT INTO operation_manifest SELECT id, 1, '${OLD}' FROM operation`;

describe('the second schema', () => {
  let postgres: TestDatabase;
  let source: DataSource;
  beforeAll(async () => {
    postgres = await startTestDatabase();
    const common = { type: 'postgres', url: postgres.url, migrationsTableName: 'migration' } as const;
    source = await new DataSource({ ...common, migrations: [Warehouse0001] }).initialize();
    await source.runMigrations({ transaction: 'all' });
    await source.query(BEFORE);
    await migrate(postgres.url);
  });
  afterAll(async () => {
    await source?.destroy();
    await postgres?.stop();
  });

  it('has operations keep what they touched for as long as they have not ended', async () => {
    const kept = await source.query(
      'SELECT request_id FROM operation_manifest JOIN operation ON id = operation_id WHERE NOT ended',
    );
    expect(kept).toEqual([{ request_id: '2' }]);
  });

  it('begins its journal with all that is here by now', async () => {
    const rows = await source.query<{ entry: object }[]>('SELECT entry FROM journal ORDER BY id');
    expect(rows.map(({ entry }) => entry)).toEqual([
      { kind: 'repository', repository: NODE, upstream: 'docker.io', private: true },
      { kind: 'repository', repository: ALPINE, upstream: null, private: false },
      { kind: 'manifest', repository: NODE, digest: OLD, upstream: 'docker.io', credential: 'anonymous' },
      { kind: 'manifest', repository: ALPINE, digest: NEW, upstream: null, credential: null },
      { kind: 'tag', repository: ALPINE, tag: 'latest', digest: NEW },
    ]);
  });
});
