import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** This program's version, as its package says. */
export const VERSION = readVersion(__dirname);

/** Upwards from here: the sources and the build lie at different depths. */
function readVersion(folder: string): string {
  try {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    if (name === 'entrepot') return String(version);
  } catch {
    // No package.json here.
  }
  return dirname(folder) === folder ? 'unknown' : readVersion(dirname(folder));
}
