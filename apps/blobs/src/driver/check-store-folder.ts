import { access, constants, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { explainFolderFault } from '#config/explain-folder-fault';
import { makeFolder } from '#config/make-folder';
import { isAbsent } from './storage-fault';

/**
 * Makes the folder of a store where there is none, and sees that this process may write wherever the store does.
 * Throws StartFault, naming the path that it may not write to.
 */
export async function checkStoreFolder(folder: string): Promise<void> {
  const root = resolve(folder);
  try {
    await makeFolder(root);
    await mustWrite(root);
    for (const part of ['objects', 'journal']) {
      for (const path of await foldersOf(join(root, part))) await mustWrite(path);
    }
  } catch (error) {
    throw explainFolderFault('ENTREPOT_STORE_FOLDER', root, error);
  }
}

/** The folder and those in it; none where it is not there yet. */
async function foldersOf(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return [path, ...entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name))];
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

const mustWrite = (folder: string) => access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
