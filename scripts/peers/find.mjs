import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where peers that no package manager keeps are kept, outside any clone. */
export const peersFolder = () => process.env.ENTREPOT_PEERS || join(homedir(), '.cache', 'entrepot', 'peers');

/** What the package manager puts where only root looks is found too. */
const folders = () => [
  join(peersFolder(), 'bin'),
  ...(process.env.PATH ?? '').split(delimiter).filter(Boolean),
  '/usr/sbin',
  '/sbin',
];

/** The path of a program, in the peers' folder first and then on PATH; undefined when there is none. */
export function findProgram(name) {
  return folders()
    .map((folder) => join(folder, name))
    .find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
