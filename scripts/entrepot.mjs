#!/usr/bin/env node
// `npx entrepot`: the command as it was built. It builds nothing by itself: what it answers is all there is on stdout.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(realpathSync(fileURLToPath(import.meta.url))), '..');
const program = join(root, 'dist', 'apps', 'cli', 'src', 'main.js');

if (existsSync(program)) {
  await import(pathToFileURL(program).href);
} else {
  console.error('entrepot is not built: npm start does it, or npm ci && npm run build');
  process.exitCode = 1;
}
