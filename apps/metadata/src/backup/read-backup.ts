import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { StartFault } from '#config/start-fault';
import { EndSchema, FORMAT, type Header, HeaderSchema, TableLineSchema, VERSION } from './archive-format';

const NEWLINE = 0x0a;

/** One row of a table, or the first word of an archive. */
export type Entry = { readonly header: Header } | { readonly table: string; readonly row: string };

/**
 * The header of a backup, then its rows. What was cut or altered is told by a StartFault, at the latest in place of the
 * end: whoever acts on rows reads the whole first.
 */
export async function* readBackup(path: string): AsyncGenerator<Entry> {
  const hash = createHash('sha256');
  let header: Header | undefined;
  let table = '';
  let rows = 0;
  let ended = false;
  for await (const line of linesOf(path)) {
    const text = line.toString();
    if (ended) throw damaged(path);
    if (!header) {
      header = parseHeader(path, text);
      yield { header };
    } else if (line[0] === '['.charCodeAt(0)) {
      rows += 1;
      yield { table, row: text };
    } else {
      const named = parse(path, text);
      const end = EndSchema.safeParse(named);
      ended = end.success && end.data.rows === rows && end.data.sha256 === hash.copy().digest('hex');
      const next = TableLineSchema.safeParse(named);
      if (next.success) table = next.data.table;
      else if (!ended) throw damaged(path);
    }
    hash.update(line).update('\n');
  }
  if (!ended) throw damaged(path);
}

/** Reads all of it, and answers what it says of itself. Throws StartFault. */
export async function verifyBackup(path: string): Promise<{ header: Header; rows: number }> {
  let header: Header | undefined;
  let rows = 0;
  for await (const entry of readBackup(path)) {
    if ('header' in entry) header = entry.header;
    else rows += 1;
  }
  return { header: header!, rows };
}

function parseHeader(path: string, text: string): Header {
  const said = parse(path, text) as { format?: unknown; version?: unknown };
  if (said.format !== FORMAT) throw new StartFault(`${path} is no backup of Entrepot.`);
  if (said.version !== VERSION) {
    throw new StartFault(
      `${path} is a backup of format ${String(said.version)}, and this program knows format ${VERSION}: ` +
        'restore it with the version that wrote it, or a later one.',
    );
  }
  const header = HeaderSchema.safeParse(said);
  if (!header.success) throw damaged(path);
  return header.data;
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(path);
  }
}

const damaged = (path: string) =>
  new StartFault(`${path} was cut off or altered, and nothing of it was restored: use another backup.`);

/** Without their ends. A line may come in many pieces. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(path, { highWaterMark: 1024 * 1024 });
  const unzipped = createGunzip({ chunkSize: 256 * 1024 });
  stream.on('error', (error) => unzipped.destroy(error));
  const begun: Buffer[] = [];
  try {
    for await (const chunk of stream.pipe(unzipped) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
        yield Buffer.concat([...begun.splice(0), chunk.subarray(from, at)]);
        from = at + 1;
      }
      if (from < chunk.length) begun.push(chunk.subarray(from));
    }
  } catch (error) {
    throw explain(path, error as NodeJS.ErrnoException);
  } finally {
    stream.destroy();
  }
  if (begun.length > 0) throw damaged(path);
}

function explain(path: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof StartFault) return error;
  if (error.code === 'Z_DATA_ERROR' && /header/.test(error.message)) {
    return new StartFault(`${path} is no backup of Entrepot.`);
  }
  if (error.code?.startsWith('Z_')) return damaged(path);
  if (error.code === 'ENOENT') return new StartFault(`There is no file ${path}.`);
  return new StartFault(`${path} cannot be read: ${error.message}`);
}
