import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { ChildRecord } from './child-process';
import { type PostgresOptions, type RunningPostgres, startPostgres } from './postgres';
import { postgresUser } from './postgres-user';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('a Postgres child', () => {
  let above: string;
  let folder: string;

  beforeEach(async () => {
    above = await mkdtemp(join(tmpdir(), 'entrepot-postgres-'));
    folder = join(above, 'postgres');
  });
  const started: RunningPostgres[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.kill()));
    await rm(above, { recursive: true, force: true });
  });
  const start = async (options: Partial<PostgresOptions> = {}) => {
    const server = await startPostgres({ folder, ...options });
    started.push(server);
    return server;
  };

  it('keeps what was committed over kill -9, and a port if it is told one', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.kill();
    const second = await start({ port: first.port });
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(second.url).toBe(first.url);
    await second.stop();
    expect(second.lastLines().join('\n')).toMatch(/database system is shut down/);
  });

  it.each<[what: string, plant: (data: string) => Promise<unknown>, says: object]>([
    ['that cannot be read', (data) => mkdir(join(data, 'PG_VERSION'), { recursive: true }), { code: 'EISDIR' }],
    [
      'that is none any more',
      async (data) => {
        await mkdir(data, { recursive: true });
        await writeFile(join(data, 'pg_control'), '');
      },
      { message: expect.stringMatching(/data holds other things \(pg_control\) and no PG_VERSION/) },
    ],
  ])('is not made over a database %s', async (_what, plant, says) => {
    await plant(join(folder, 'data'));
    await expect(start()).rejects.toMatchObject(says);
    expect((await readdir(folder)).filter((name) => name.startsWith('init-'))).toEqual([]);
  });

  it('promises durability, and lets nobody in without the password', async () => {
    const server = await start();
    const wrong = server.url.replace(new URL(server.url).password, 'guess');
    await expect(query(wrong, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    expect(await query(server.url, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    expect(await query(server.url, 'SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    const methods = await query(server.url, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules');
    expect(methods).toEqual([{ auth_method: 'scram-sha-256' }]);
    await server.stop();
    expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700);
  });

  it('starts where only the owner of the folder above may go', async () => {
    await chmod(above, 0o700);
    const server = await start();
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
  });

  it('starts over a lock whose pid another process has by now', async () => {
    const first = await start();
    await first.kill();
    const other = spawn('sleep', ['60'], { stdio: 'ignore', ...postgresUser() });
    const lock = join(folder, 'data', 'postmaster.pid');
    await writeFile(lock, (await readFile(lock, 'utf8')).replace(/^\d+/, String(other.pid)));
    const second = await start();
    await second.stop();
    const lives = other.exitCode === null;
    other.kill();
    expect(lives).toBe(true);
  });

  it('refuses a folder that a live server uses', async () => {
    const server = await start();
    await expect(start()).rejects.toThrow(`Another Postgres (process ${server.pid}) runs in`);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
  });

  it('refuses a database of another version and leaves it as it is', async () => {
    await mkdir(join(folder, 'data'), { recursive: true });
    await writeFile(join(folder, 'data', 'PG_VERSION'), '12\n');
    await expect(start()).rejects.toThrow(/was made by Postgres 12, and this is Postgres 18\.$/);
    expect(await readdir(join(folder, 'data'))).toEqual(['PG_VERSION']);
  });

  it('leaves no half of a database when it is killed while making one', async () => {
    const killed: ChildRecord[] = [];
    const recorder = {
      spawned: async () => undefined,
      ended: async () => undefined,
    };
    const killer = {
      ...recorder,
      async spawned(child: ChildRecord) {
        killed.push(child);
        if (killed.length === 2) process.kill(child.pid, 'SIGKILL');
      },
    };
    await expect(start({ recorder: killer })).rejects.toThrow(/initdb failed \(signal SIGKILL\)/);
    expect(await readdir(folder)).toEqual(['password']);
    await mkdir(join(folder, 'init-left-by-a-kill', 'data'), { recursive: true });
    const server = await start({ recorder });
    await server.stop();
    expect((await readdir(folder)).sort()).toEqual(['data', 'password']);
  });

  it('records every child before it runs and after it has ended', async () => {
    const seen: string[] = [];
    const recorder = {
      spawned: async (child: ChildRecord) => void seen.push(`+${child.name} ${child.pid} ${child.startedAt}`),
      ended: async (child: ChildRecord) => void seen.push(`-${child.name} ${child.pid} ${child.startedAt}`),
    };
    const server = await start({ recorder });
    expect(seen.at(-1)).toMatch(new RegExp(`^\\+postgres ${server.pid} .+`));
    await server.stop();
    expect(seen.filter((line) => line.startsWith('+')).map((line) => line.slice(1))).toEqual(
      seen.filter((line) => line.startsWith('-')).map((line) => line.slice(1)),
    );
  });
});
