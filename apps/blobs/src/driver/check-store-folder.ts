import { join, resolve } from 'node:path';
import { explainFolderFault } from '#config/explain-folder-fault';
import { makeFolder } from '#config/make-folder';
import { mustWrite } from '#config/must-write';

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
      await makeFolder(join(root, part));
      await mustWrite(join(root, part), 1);
    }
  } catch (error) {
    throw explainFolderFault('ENTREPOT_STORE_FOLDER', root, error);
  }
}
