import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the checkout, whether this runs from the sources or from what was built. */
export const HOUSE = find(__dirname);

function find(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : find(dirname(folder));
}
