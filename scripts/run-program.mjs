import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, SetupFault, setUp } from './setup.mjs';

/** Sets up what is due, then runs a program of the standalone app in this process. */
export async function runProgram(name, say) {
  try {
    setUp(say);
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error;
    console.error(error.message);
    process.exit(1);
  }
  process.setSourceMapsEnabled(true);
  process.env.ENTREPOT_DATA ||= join(root, '.entrepot');
  await import(pathToFileURL(join(root, 'dist', 'apps', 'standalone', 'src', name)).href);
}
