import { connect } from 'node:net';
import { Client } from 'pg';
import { TagRemoved } from '#contracts/facts';
import { isRegistryError } from '#oci/registry-error';
import { CuttableProxy } from '#testing/cuttable-proxy';
import { TcpServer } from '#testing/tcp-server';
import { startTestDatabase, type TestDatabase } from '#testing/test-database';
import { partitionOf, recordFact } from '../outbox/outbox.store';
import { Database, endSilent } from './database';
import { databaseFault, isAway } from './database-fault';
import { MIGRATIONS, migrate } from './migrate';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** Ready for a query, outside of a transaction: the last message of what answers a login or a query. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');
const FIELDS = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0';
const TERMINATED = Buffer.concat([
  Buffer.from('E\0\0\0', 'latin1'),
  Buffer.from([FIELDS.length + 4]),
  Buffer.from(FIELDS),
]);

describe('Database', () => {
  let postgres: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    postgres = await startTestDatabase();
    database = await Database.open({ url: postgres.url, poolSize: 4, waitMs: 20_000 });
  });
  afterAll(async () => {
    await database?.onApplicationShutdown();
    await postgres?.stop();
  });

  it('migrates once however many start together', async () => {
    await Promise.all([migrate(postgres.url), migrate(postgres.url), migrate(postgres.url)]);
    const done = await database.read<{ name: string }>('SELECT name FROM migration ORDER BY id');
    expect(done).toHaveLength(MIGRATIONS.length);
    expect(new Set(done.map(({ name }) => name)).size).toBe(done.length);
    expect(await database.read('SELECT generation FROM installation')).toEqual([{ generation: 1 }]);
  });

  it('is read committed, whatever the database was set to', async () => {
    await database.read(`DO $$ BEGIN EXECUTE format(
      'ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$`);
    const other = await Database.open({ url: postgres.url, poolSize: 1, waitMs: 20_000 });
    const level = await other.transaction('spec.isolation', (sql) => sql.query('SHOW transaction_isolation'));
    await other.onApplicationShutdown();
    expect(level).toEqual([{ transaction_isolation: 'read committed' }]);
  });

  it('takes a connection for lost that says nothing for too long: its line may drop what is sent', async () => {
    const line = await CuttableProxy.start(Number(new URL(postgres.url).port));
    const url = new URL(postgres.url);
    url.port = String(line.port);
    const client = new Client({ connectionString: url.href });
    client.on('error', () => undefined);
    await client.connect();
    endSilent(client, 500);
    await expect(client.query('SELECT pg_sleep(0.1)')).resolves.toBeDefined();
    line.cut();
    const error: unknown = await client.query('SELECT 1').catch((lost: unknown) => lost);
    expect(isAway(error)).toBe(true);
    expect(databaseFault(error)).toMatchObject({ code: 'UNAVAILABLE' });
    await line.stop();
  });

  it('records a fact with its transaction, and wakes the relay only after the commit', async () => {
    const heard: number[][] = [];
    const stop = database.onFacts((partitions) => heard.push([...partitions]));
    const data = { repository: 'a', tag: 'b', from: DIGEST as never };
    const undone = database.transaction('spec.undo', async (sql) => {
      await recordFact(sql, TagRemoved, 'a:b', data);
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await database.transaction('spec.record-fact', (sql) => recordFact(sql, TagRemoved, 'a:b', data));
    stop();
    expect(heard).toEqual([[partitionOf('a:b')]]);
    const rows = await database.read<{ message: object; message_id: string }>('SELECT * FROM outbox');
    expect(rows).toHaveLength(1);
    expect(rows[0]!.message).toMatchObject({
      specversion: '1.0',
      id: rows[0]!.message_id,
      type: 'dev.entrepot.fact.tag.removed.v1',
      subject: 'a:b',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      revision: expect.stringMatching(/^\d+$/),
      data,
    });
  });

  it('runs a transaction again after a deadlock', async () => {
    await database.read('CREATE TABLE spec_pair (id int PRIMARY KEY, n int NOT NULL)');
    await database.read('INSERT INTO spec_pair VALUES (1, 0), (2, 0)');
    const add = (first: number, second: number) =>
      database.transaction('spec.add', async (sql) => {
        await sql.query('UPDATE spec_pair SET n = n + 1 WHERE id = $1', [first]);
        await sql.query('SELECT pg_sleep(0.1)');
        await sql.query('UPDATE spec_pair SET n = n + 1 WHERE id = $1', [second]);
      });
    await Promise.all([add(1, 2), add(2, 1)]);
    expect(await database.read('SELECT n FROM spec_pair')).toEqual([{ n: 2 }, { n: 2 }]);
  });

  it('a connection that is lost between two statements is Postgres away, and the transaction is run once more', async () => {
    let runs = 0;
    const lost = database.transaction('spec.lose', async (sql) => {
      runs += 1;
      const [own] = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.read('SELECT pg_terminate_backend($1, 5000)', [own!.pid]);
      await sql.query('SELECT 1').catch(() => undefined);
      await sql.query('SELECT 1');
    });
    await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(runs).toBe(2);
  });

  it('says UNAVAILABLE while Postgres is away, and goes on when it is back', async () => {
    await postgres.kill();
    const read = await database.read('SELECT 1').catch((why: unknown) => why);
    const write = await database.transaction('spec.write', (sql) => sql.query('SELECT 1')).catch((why: unknown) => why);
    expect([read, write].every((error) => isRegistryError(error, 'UNAVAILABLE'))).toBe(true);
    await postgres.start();
    await expect(database.read('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
  });

  it('refuses a database of somebody else, and leaves it as it was', async () => {
    await database.read('CREATE DATABASE other');
    const url = postgres.url.replace(/[^/]*$/, 'other');
    const { Client } = await import('pg');
    const client = new Client(url);
    await client.connect();
    try {
      await client.query('CREATE TABLE customer (id int)');
      await expect(migrate(url)).rejects.toThrow('The database holds other things (customer)');
      const { rows } = await client.query(`SELECT to_regclass('migration') AS it`);
      expect(rows).toEqual([{ it: null }]);
      await client.query('DROP TABLE customer');
      await migrate(url);
    } finally {
      await client.end();
    }
  });

  it('does not wait for ever for what is no Postgres', async () => {
    const silent = await TcpServer.start();
    const url = `postgres://u@127.0.0.1:${silent.port}/d`;
    await expect(Database.open({ url, poolSize: 1, waitMs: 100 })).rejects.toThrow(
      /^Postgres did not answer within 0.1 s/,
    );
    await silent.stop();
  }, 20_000);

  it('lives on where a connection is ended in the very moment in which it is ready', async () => {
    let isEnded = false;
    const target = Number(new URL(postgres.url).port);
    const proxy = await TcpServer.start((client) => {
      const server = connect(target, '127.0.0.1').on('error', () => client.destroy());
      client.on('error', () => server.destroy()).pipe(server);
      server.on('data', (bytes) => {
        const isReady = isEnded && bytes.subarray(-6).equals(READY);
        client.write(isReady ? Buffer.concat([bytes, TERMINATED]) : bytes);
        if (isReady) client.end();
      });
      server.on('end', () => client.end());
    });
    const url = postgres.url.replace(`:${target}`, `:${proxy.port}`);
    const other = await Database.open({ url, poolSize: 4, waitMs: 20_000 });
    isEnded = true;
    const reads = await Promise.allSettled(Array.from({ length: 4 }, () => other.read('SELECT pg_sleep(0.1)')));
    expect(reads.map(({ status }) => status)).toContain('rejected');
    isEnded = false;
    expect(await other.read('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await other.onApplicationShutdown();
    await proxy.stop();
  });
});
