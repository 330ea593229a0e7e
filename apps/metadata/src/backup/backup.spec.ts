import { randomUUID } from 'node:crypto';
import { appendFile, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { StartFault } from '#config/start-fault';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { Database } from '../database/database';
import { migrateTo } from '../database/migrate';
import { somebodyWaits } from '../database/two-at-once.testing';
import { anImage, anIndex, fetchManifest, fetchWhole, type Metadata, openMetadata } from '../metadata.testing';
import { connect } from './connect';
import { loadBackup } from './load-backup';
import { verifyBackup } from './read-backup';
import { readTables } from './read-tables';
import { writeBackup } from './write-backup';

const NODE = 'docker.io/library/node';
const NOW = new Date('2026-11-23T10:20:30.400Z');
const asItIs = async () => undefined;

/** A row for each table that nothing else here fills. A new table needs one. */
const FILLED: Record<string, string> = {
  bus_user: `(principal, name, password_hash, created_by) VALUES ('u1', 'ci', 'scrypt$16384$8$1$c2FsdA$aGFzaA', 'anonymous')`,
  absence: `(began_at, ended_at) VALUES ('-infinity', now())`,
  lease: `(object_id, holder, until) SELECT id, gen_random_uuid(), 'infinity' FROM object LIMIT 1`,
  scrubbing: `(object_id, worker, claimed_until) SELECT id, 'w', now() FROM object LIMIT 1`,
  reporter: `(name, principal, holder, lease_ms, leased_until) VALUES ('kübe', 'me', 'x', 1, now())`,
  container: `(id, name, repository_id, digest, state, principal, reporter, reported_id, exit_code, labels)
    SELECT 'c', 'n', repository_id, digest, 'running', 'me', 'kübe', 'r', -1, '{"a":null}' FROM tag LIMIT 1`,
  trash: `(id, repository_id, digest, tags, until) SELECT gen_random_uuid(), repository_id, digest,
    ARRAY['a', 'b"c', 'NULL', '', '{}', E'\\\\'], now() FROM tag LIMIT 1`,
  pull_count: `(repository_id, digest, pulls, pulled_at) SELECT repository_id, digest, 9007199254740993, now() FROM tag LIMIT 1`,
  pin: `(repository_id, kind, digest, until) SELECT id, 'blob', 'sha256:x', now() FROM repository LIMIT 1`,
  upload_session: `(id, object_id, repository_id, expires_at)
    SELECT object.id, object.id, repository.id, now() FROM object, repository LIMIT 1`,
  operation: `(id, principal, request_id, body_hash, kind, body, state) VALUES
    ('00000000-0000-0000-0000-000000000001', 'me', E'\\n', '\\x00ff0a', 'pull', 'null', 'accepted')`,
  operation_manifest: `(operation_id, repository_id, digest) SELECT operation.id, repository_id, digest FROM tag, operation LIMIT 1`,
  journal_segment: `(number, bytes) VALUES (1, '\\x000a0d5c')`,
  composing: `(source_id, target_id, claimed_until) SELECT one.id, other.id, now() FROM object one, object other
    WHERE one.id <> other.id LIMIT 1`,
  plan: `(id, principal, operation_id, filters, until, seen, kept, items) VALUES
    ('00000000-0000-0000-0000-000000000002', 'me', gen_random_uuid(), '{}', now(), 1, '{}', 1)`,
  plan_item: `(plan_id, repository, digest, repository_id, tags, size, used_at, reason)
    SELECT id, 'r', 'd', 1, '{}', 1, now(), 'unused' FROM plan`,
  gc_run: `(id, kind) VALUES (gen_random_uuid(), 'prune')`,
  schedule: `(name, source, kind, cron, time_zone, body, principal) VALUES ('s', 'rest', 'prune', '* * * * *', 'UTC', '{}', 'me')`,
  adoption: `(after_generation, after_segment) VALUES (3, 4)`,
  usage: `(as_of, took_ms, counted) VALUES (now(), 1, '{}')`,
  repository_usage: `(repository_id, manifests, tags, blobs, bytes, unique_bytes, pulls)
    SELECT id, 1, 1, 1, 1, 1, 1 FROM repository LIMIT 1`,
};

describe('a backup', () => {
  let metadata: Metadata;
  let folder: string;
  let copies = 0;
  beforeAll(async () => {
    folder = await tempFolder('backup');
    metadata = await openMetadata();
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    await fetchManifest(metadata, NODE, anIndex([image], { annotations: { text: '"\\\n\u2028🐳' } }), { tag: 'index' });
    await fetchManifest(metadata, NODE, anImage());
    for (const [table, row] of Object.entries(FILLED)) await run(`INSERT INTO ${table} ${row}`);
  });
  afterAll(async () => {
    await metadata?.stop();
    await removeFolder(folder);
  });

  const run = <Row>(text: string, params: unknown[] = [], database = metadata.database) =>
    database.read<Row>(text, params);
  const fresh = () => join(folder, `${randomUUID()}.backup`);
  async function emptyDatabase(): Promise<string> {
    copies += 1;
    const name = `copy_${copies}`;
    await run(`CREATE DATABASE ${name}`);
    return metadata.postgres.url.replace(/\/[^/]*$/, `/${name}`);
  }
  const open = (url: string) => Database.open({ url, poolSize: 2, waitMs: 30_000 });

  /** Every row of every table as text, and what its sequences gave last. */
  async function contents(database = metadata.database): Promise<Record<string, unknown>> {
    const tables = await run<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'migration' ORDER BY 1`,
      [],
      database,
    );
    const found: Record<string, unknown> = {};
    for (const { name } of tables) {
      const rows = await run<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t ORDER BY 1`, [], database);
      found[name] = rows.map(({ row }) => row);
    }
    found.sequences = await run(
      `SELECT sequencename, last_value::text FROM pg_sequences WHERE sequencename <> 'migration_id_seq' ORDER BY 1`,
      [],
      database,
    );
    return found;
  }

  async function restored(path: string, settle?: typeof asItIs): Promise<Record<string, unknown>> {
    const url = await emptyDatabase();
    await (settle ? loadBackup(url, path, settle) : loadBackup(url, path));
    const database = await open(url);
    return contents(database).finally(() => database.onApplicationShutdown());
  }

  it('carries every table there is, each row and each sequence as it was', async () => {
    const before = await contents();
    const empty = Object.entries(before).filter(([, rows]) => (rows as unknown[]).length === 0);
    expect(empty.map(([name]) => name)).toEqual([]);
    const path = fresh();
    const { rows } = await writeBackup(metadata.postgres.url, path, NOW);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await verifyBackup(path)).toMatchObject({ rows });
    expect(await restored(path, asItIs)).toEqual(before);
  }, 120_000);

  it('carries whatever values there are', async () => {
    const value = fc.record({
      text: fc.option(fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', ''))),
      json: fc.jsonValue().filter((json) => !JSON.stringify(json).includes('\\u0000')),
      bytes: fc.uint8Array({ maxLength: 40 }),
    });
    const values = fc.sample(value, { numRuns: 300, seed: 7 });
    for (const { text, json, bytes } of values) {
      const wellFormed = text === null ? null : Buffer.from(text).toString();
      await run('INSERT INTO journal (entry) VALUES ($1)', [
        JSON.stringify(JSON.parse(Buffer.from(JSON.stringify(json)).toString())),
      ]).catch(() => undefined);
      await run('INSERT INTO outbox (partition, subject, message, message_id) VALUES (0, $1, $2, $3)', [
        wellFormed ?? 'null',
        JSON.stringify({ text: wellFormed }),
        Buffer.from(bytes).toString('base64'),
      ]).catch(() => undefined);
    }
    await run('UPDATE object SET created_at = $1 WHERE id = (SELECT id FROM object LIMIT 1)', ['infinity']);
    const before = await contents();
    const path = fresh();
    await writeBackup(metadata.postgres.url, path, NOW);
    expect(await restored(path, asItIs)).toEqual(before);
  }, 120_000);

  it('is of one moment: what is written while it is read is not in it, in whatever table', async () => {
    const [before, between, after] = ['bus_user', 'gc_run', 'journal'];
    const client = await connect(metadata.postgres.url);
    const tables = (await readTables(client)).map(({ name }) => name);
    expect([before, between, after].map((name) => tables.indexOf(name!))).toEqual(
      [before, between, after].map((name) => tables.indexOf(name!)).sort((one, other) => one - other),
    );
    const was = await contents();
    // It stands before the table in the middle, has read the first one and not the last one.
    await client.query(`BEGIN; LOCK TABLE ${between} IN ACCESS EXCLUSIVE MODE`);
    const path = fresh();
    const making = writeBackup(metadata.postgres.url, path, NOW);
    await somebodyWaits(metadata);
    await run(`WITH one AS (INSERT INTO ${before} (principal, name, password_hash, created_by)
      VALUES ('u2', 'late', 'x', 'me')) INSERT INTO ${after} (entry) VALUES ('{"late":true}')`);
    await client.query('COMMIT');
    await client.end();
    await making;
    const { sequences: _, ...is } = await restored(path, asItIs);
    expect(is).toEqual(Object.fromEntries(Object.entries(was).filter(([name]) => name !== 'sequences')));
  }, 120_000);

  it('comes back as a new generation, of which nothing is purged, and nothing is under way', async () => {
    const path = fresh();
    await writeBackup(metadata.postgres.url, path, NOW);
    const url = await emptyDatabase();
    await loadBackup(url, path);
    const database = await open(url);
    const [row] = await run(
      `SELECT generation - reconciled_generation AS ahead, (SELECT count(*) FROM upload_session) AS sessions,
        (SELECT count(*) FROM lease) AS leases, (SELECT count(*) FROM composing WHERE target_id IS NOT NULL) AS targets,
        (SELECT count(*) FROM object WHERE state = 'uploading') AS uploading FROM installation`,
      [],
      database,
    );
    await database.onApplicationShutdown();
    expect(row).toEqual({ ahead: 1, sessions: 0, leases: 0, targets: 0, uploading: 0 });
  }, 60_000);

  it('of an older schema is restored, and then brought to this one', async () => {
    const url = await emptyDatabase();
    await migrateTo(url, ['Warehouse0000000000001', 'Upkeep0000000000002']);
    const old = await openOld(url);
    await old.query(`INSERT INTO installation (id) VALUES (gen_random_uuid());
      INSERT INTO repository (name, upstream) VALUES ('docker.io/library/old', 'docker.io')`);
    await old.destroy();
    const path = fresh();
    await writeBackup(url, path, NOW);
    const target = await emptyDatabase();
    expect((await loadBackup(target, path)).migrated).toMatchObject({ from: 2 });
    const database = await open(target);
    expect(await run('SELECT name FROM repository', [], database)).toEqual([{ name: 'docker.io/library/old' }]);
    await database.onApplicationShutdown();
  }, 60_000);

  it('that was cut or altered anywhere is refused, and nothing of it is restored', async () => {
    const path = fresh();
    await writeBackup(metadata.postgres.url, path, NOW);
    const whole = await readFile(path);
    const text = gunzipSync(whole);
    const lines = text.toString().split('\n');
    const without = (at: number) => gzipSync(lines.filter((_, line) => line !== at).join('\n'));
    const spoilt = [
      whole.subarray(0, whole.length - 1),
      whole.subarray(0, whole.length >> 1),
      Buffer.concat([whole.subarray(0, 2000), Buffer.from([whole[2000]! ^ 1]), whole.subarray(2001)]),
      without(5),
      without(lines.length - 2),
      gzipSync(text.toString().replace(NODE, NODE.replace('node', 'evil'))),
      gzipSync(`${text}${lines[0]}`.slice(0, -20)).subarray(0, 5000),
    ];
    const url = await emptyDatabase();
    for (const bytes of spoilt) {
      await writeFile(path, bytes);
      await expect(loadBackup(url, path)).rejects.toThrow('was cut off or altered, and nothing of it was restored');
    }
    await writeFile(path, 'something else');
    await expect(loadBackup(url, path)).rejects.toThrow('is no backup of Entrepot');
    await writeFile(path, gzipSync('{"format":"entrepot-backup","version":2}\n'));
    await expect(loadBackup(url, path)).rejects.toThrow('format 2');
    await appendFile(path, 'x');
    await expect(loadBackup(url, join(folder, 'nowhere'))).rejects.toThrow('There is no file');
    const database = await open(url);
    expect(await run('SELECT 1 FROM repository', [], database)).toEqual([]);
    await database.onApplicationShutdown();
  }, 60_000);

  it('is not restored over a warehouse, nor by a program that is older than it', async () => {
    const path = fresh();
    await writeBackup(metadata.postgres.url, path, NOW);
    await expect(loadBackup(metadata.postgres.url, path)).rejects.toThrow('holds a warehouse already');
    const newer = gunzipSync(await readFile(path))
      .toString()
      .replace('"Warehouse0000000000001"', '"Warehouse0000000000001","Later0000000009999"');
    await expect(loadOf(newer)).rejects.toThrow('cut off or altered');
    await expect(migrateTo(await emptyDatabase(), ['Later0000000009999'])).rejects.toThrow('has schema 9999');
  }, 60_000);

  it('is whole where it is said to be there, also where two make it under one name', async () => {
    const target = await tempFolder('backups');
    const path = join(target, 'one.backup');
    const both = await Promise.allSettled([1, 2].map(() => writeBackup(metadata.postgres.url, path, NOW)));
    const made = both.filter(({ status }) => status === 'fulfilled');
    expect(both.filter(({ status }) => status === 'rejected')).toEqual(
      made.length === 2 ? [] : [{ status: 'rejected', reason: expect.any(StartFault) }],
    );
    await verifyBackup(path);
    expect(await readdir(target)).toEqual(['one.backup']);
    await removeFolder(target);
  }, 60_000);

  it('clears away what a killed one has left, and not what another one writes', async () => {
    const target = await tempFolder('backups');
    const [left, written, other] = ['a', 'b'].map((name) => `.${name}.backup.${randomUUID()}.draft`).concat('.x.draft');
    for (const name of [left!, written!, other!]) await writeFile(join(target, name), 'x');
    const at = (agoMs: number) => new Date(NOW.getTime() - agoMs);
    await utimes(join(target, left!), at(3_700_000), at(3_700_000));
    await utimes(join(target, written!), at(3_500_000), at(3_500_000));
    await utimes(join(target, other!), at(3_700_000), at(3_700_000));
    await writeBackup(metadata.postgres.url, join(target, 'one.backup'), NOW);
    expect((await readdir(target)).sort()).toEqual([written!, other!, 'one.backup'].sort());
    await removeFolder(target);
  }, 60_000);

  it('that fails in the middle leaves no file, and one that is there is not replaced', async () => {
    const target = await tempFolder('backups');
    const { path } = await writeBackup(metadata.postgres.url, target, NOW);
    expect(await readdir(target)).toEqual(['entrepot-20261123T102030Z.backup']);
    await expect(writeBackup(metadata.postgres.url, path, NOW)).rejects.toThrow('is there already');
    await expect(writeBackup(metadata.postgres.url, target, NOW)).rejects.toThrow('is there already');
    const empty = await emptyDatabase();
    await expect(writeBackup(empty, join(target, 'other'), NOW)).rejects.toThrow('nothing to back up');
    expect(await readdir(target)).toEqual(['entrepot-20261123T102030Z.backup']);
    await removeFolder(target);
  }, 60_000);

  async function loadOf(text: string) {
    const path = fresh();
    await writeFile(path, gzipSync(text));
    return loadBackup(await emptyDatabase(), path);
  }
  async function openOld(url: string) {
    const { DataSource } = await import('typeorm');
    return new DataSource({ type: 'postgres', url }).initialize();
  }
});
