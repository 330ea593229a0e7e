import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const FOREIGN = new Set(['node_modules', 'dist', '.git', '.entrepot', 'coverage', 'testdata']);

/** Every file of the house below these folders, as paths from `root` with forward slashes, sorted. */
export function sourceFiles(root, folders = ['.']) {
  return folders.flatMap((folder) => walk(root, join(root, folder))).sort();
}

function walk(root, folder) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    if (FOREIGN.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(root, path);
    return entry.isFile() ? [relative(root, path).split(sep).join('/')] : [];
  });
}
