import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Client } from 'pg';
import { StartFault } from '#config/start-fault';
import { FORMAT, type Header, quoted, type Table, VERSION } from './archive-format';
import { connect } from './connect';
import { readSequences, readTables } from './read-tables';

/** Rows that are in memory at once; fewer where each may have megabytes. */
const ROWS_AT_ONCE = 1_000;
const LARGE_ROWS_AT_ONCE = 8;
const DRAFT = /^\..+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.draft$/;
/** A draft that was not written to for so long, in milliseconds, is nobody's. */
const FORGOTTEN_MS = 60 * 60_000;

export interface Backup {
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
}

/**
 * Copies all tables as they are at one moment into a file, while services work. It appears whole, durable and readable by
 * its owner alone, or not at all; one that is there is not replaced. `target` is a folder or a file. Throws StartFault.
 */
export async function writeBackup(url: string, target: string, now: Date): Promise<Backup> {
  const path = await pathOf(resolve(target), now);
  await clearDrafts(dirname(path), now);
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}.draft`);
  const client = await connect(url);
  try {
    const rows = await writeDraft(client, draft, now);
    await mustBeFree(path);
    await rename(draft, path);
    await syncFolder(dirname(path));
    return { path, rows, bytes: (await stat(path)).size };
  } finally {
    await rm(draft, { force: true });
    await client.end();
  }
}

/** Of backups that were killed: who still writes one does so all the time. */
async function clearDrafts(folder: string, now: Date): Promise<void> {
  const drafts = (await readdir(folder)).filter((name) => DRAFT.test(name)).map((name) => join(folder, name));
  for (const draft of drafts) {
    const found = await statOf(draft);
    if (found && now.getTime() - found.mtimeMs > FORGOTTEN_MS) await rm(draft, { force: true });
  }
}

async function pathOf(target: string, now: Date): Promise<string> {
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const path = (await statOf(target))?.isDirectory() ? join(target, `entrepot-${time}.backup`) : target;
  await mustBeFree(path);
  await mkdir(dirname(path), { recursive: true });
  return path;
}

async function mustBeFree(path: string): Promise<void> {
  if (await statOf(path)) throw new StartFault(`${path} is there already: name another file, or a folder.`);
}

const statOf = (path: string) => stat(path).catch(() => null);

/** Answers the number of rows. */
async function writeDraft(client: Client, draft: string, now: Date): Promise<number> {
  const file = await open(draft, 'wx', 0o600);
  try {
    const counted = { rows: 0 };
    const lines = Readable.from(archiveLines(client, now, counted), { objectMode: false });
    await pipeline(lines, createGzip({ level: 3 }), async (zipped) => {
      for await (const chunk of zipped) await file.appendFile(chunk as Buffer);
    });
    await file.sync();
    return counted.rows;
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

async function* archiveLines(client: Client, now: Date, counted: { rows: number }): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const take = (lines: readonly string[]): Buffer => {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    hash.update(bytes);
    return bytes;
  };
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const header = await readHeader(client, now);
  yield take([JSON.stringify(header)]);
  for (const table of header.tables) {
    yield take([JSON.stringify({ table: table.name })]);
    for await (const rows of rowsOf(client, table)) {
      counted.rows += rows.length;
      yield take(rows);
    }
  }
  yield Buffer.from(`${JSON.stringify({ rows: counted.rows, sha256: hash.digest('hex') })}\n`);
}

async function readHeader(client: Client, now: Date): Promise<Header> {
  const { rows: tables } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('migration') IS NOT NULL AND to_regclass('installation') IS NOT NULL AS there`,
  );
  if (!tables[0]?.there) throw new StartFault('The database holds no tables of Entrepot: there is nothing to back up.');
  const { rows: migrations } = await client.query<{ name: string }>('SELECT name FROM migration ORDER BY timestamp');
  const { rows: installations } = await client.query<{ id: string }>('SELECT id FROM installation');
  return {
    format: FORMAT,
    version: VERSION,
    madeAt: now.toISOString(),
    installation: installations[0]!.id,
    migrations: migrations.map(({ name }) => name),
    tables: await readTables(client),
    sequences: await readSequences(client),
  };
}

async function* rowsOf(client: Client, { name, columns }: Table): AsyncGenerator<string[]> {
  const values = columns.map((column) => `${quoted(column.name)}::text`).join(', ');
  const isLarge = columns.some(({ type }) => type === 'bytea');
  await client.query(
    `DECLARE rows NO SCROLL CURSOR FOR SELECT json_build_array(${values})::text AS row FROM ${quoted(name)}`,
  );
  for (;;) {
    const { rows } = await client.query<{ row: string }>(
      `FETCH ${isLarge ? LARGE_ROWS_AT_ONCE : ROWS_AT_ONCE} FROM rows`,
    );
    if (rows.length === 0) break;
    yield rows.map(({ row }) => row);
  }
  await client.query('CLOSE rows');
}
