import { access, constants, opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Sees that this process may write in a folder, and in those below it as many levels down; what is not there is fine.
 * Throws what the kernel says of the first one that it may not write in, with its path.
 */
export async function mustWrite(folder: string, levels = 0): Promise<void> {
  try {
    // A file is said to be one, whatever may be done with it.
    await (await opendir(folder)).close();
    await access(folder, constants.W_OK | constants.X_OK);
    if (levels === 0) return;
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries) if (entry.isDirectory()) await mustWrite(join(folder, entry.name), levels - 1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
