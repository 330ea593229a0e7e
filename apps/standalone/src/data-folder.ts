import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type FileLock, lockFile, lockHolder } from '#children/file-lock';
import { explainFolderFault } from '#config/explain-folder-fault';
import { durable } from '#config/failpoint';
import { makeFolder } from '#config/make-folder';
import { StartFault } from '#config/start-fault';
import { openSecrets, type Secrets } from './secrets.store';

/** Of what lies where in the folder. A folder of a later format is not touched. */
const FORMAT = 1;

export interface DataFolder {
  readonly path: string;
  readonly postgres: string;
  readonly nats: string;
  readonly blobs: string;
  /** Programs that were installed for this folder. */
  readonly bin: string;
  readonly secrets: Secrets;
  /** Whether it was made by this start. */
  readonly created: boolean;
  /** Gives the folder free; the end of the process does too. */
  release(): void;
}

/** Opens the folder for this process alone, making it when there is none. Throws StartFault. */
export async function openDataFolder(given: string): Promise<DataFolder> {
  const path = resolve(given);
  try {
    return await open(path);
  } catch (error) {
    throw explainFolderFault('ENTREPOT_DATA', path, error);
  }
}

async function open(path: string): Promise<DataFolder> {
  await checkFormat(path);
  // Not 0700, for the user that Postgres runs as must get through to its own; each folder below is.
  await makeFolder(path, 0o711);
  const lock = takeLock(path);
  try {
    const created = !(await checkFormat(path));
    if (created) await durable('standalone.write-format', () => writeFormat(path));
    return {
      path,
      postgres: await subfolder(path, 'postgres'),
      nats: await subfolder(path, 'nats'),
      blobs: await subfolder(path, 'blobs'),
      bin: await subfolder(path, 'bin'),
      secrets: await openSecrets(path),
      created,
      release: () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function subfolder(path: string, name: string): Promise<string> {
  await makeFolder(join(path, name), 0o700);
  return join(path, name);
}

function takeLock(path: string): FileLock {
  const lock = lockFile(join(path, 'lock'));
  if (lock) return lock;
  throw new StartFault(
    `The data folder ${path} is in use by another Entrepot (process ${lockHolder(join(path, 'lock'))}). ` +
      'Stop that one, or set ENTREPOT_DATA to another folder.',
  );
}

/** Gives whether there is a format; throws when this program must not touch what is there. */
async function checkFormat(path: string): Promise<boolean> {
  const text = await readFile(join(path, 'format'), 'utf8').catch(ignoreMissing);
  if (text === undefined) {
    await checkOurs(path);
    return false;
  }
  const format = Number(text.trim() || Number.NaN);
  if (format <= FORMAT) return true;
  throw new StartFault(
    Number.isNaN(format)
      ? `${join(path, 'format')} does not say a format: this is no data folder of Entrepot, or a damaged one.`
      : `The data folder ${path} was written by a later Entrepot (format ${format}, this one knows ${FORMAT}). ` +
          'Use that version, or set ENTREPOT_DATA to another folder.',
  );
}

/** What a start that was killed before it had written the format may have left, and what file systems put there. */
const HARMLESS = ['lock', 'format.draft', 'lost+found', '.DS_Store'];

async function checkOurs(path: string): Promise<void> {
  const names = (await readdir(path).catch(ignoreMissing)) ?? [];
  const strange = names.filter((name) => !HARMLESS.includes(name));
  if (strange.length === 0) return;
  throw new StartFault(
    `The folder ${path} holds other things (${strange.slice(0, 3).join(', ')}). ENTREPOT_DATA must name an empty or new one.`,
  );
}

async function writeFormat(path: string): Promise<void> {
  await writeFile(join(path, 'format.draft'), `${FORMAT}\n`, { flush: true });
  await rename(join(path, 'format.draft'), join(path, 'format'));
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
