import { open } from 'node:fs/promises';
import { durable } from '#config/failpoint';

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await durable('blobs.fsync-folder', () => folder.sync());
  } finally {
    await folder.close();
  }
}
