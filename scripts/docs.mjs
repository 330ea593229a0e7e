// Writes docs/reference/ from what the program itself declares: settings, messages, routes, errors, commands, calls.
// `npm run docs` writes; `npm run docs -- --check` writes nothing, and names each page that is not what it would write.
// `--folder DIR` is about another folder than docs/reference.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const args = process.argv.slice(2);
const folder = args.includes('--folder') ? args[args.indexOf('--folder') + 1] : join(root, 'docs', 'reference');

/** `#oci/…` means the sources, which Node is told at its start alone. */
const FROM_SOURCES = '--conditions=source';

async function makePages() {
  const { readDeclarations } = await import('./docs/declarations.mjs');
  const declarations = readDeclarations(root);
  const pages = {
    'configuration.md': (await import('./docs/configuration-page.mjs')).configurationPage(declarations),
    'messages.md': (await import('./docs/messages-page.mjs')).messagesPage(declarations),
    'asyncapi.json': (await import('./docs/async-api.mjs')).asyncApi(declarations),
    'openapi.json': declarations.openApi,
    'errors.md': (await import('./docs/errors-page.mjs')).errorsPage(declarations),
    'cli.md': (await import('./docs/cli-page.mjs')).cliPage(declarations),
    'metrics.md': (await import('./docs/metrics-page.mjs')).metricsPage(declarations),
    'calls.md': (await import('./docs/calls-page.mjs')).callsPage(declarations),
  };
  const written = (page) => (typeof page === 'string' ? page : `${JSON.stringify(page, null, 2)}\n`);
  return Object.fromEntries(Object.entries(pages).map(([name, page]) => [name, written(page)]));
}

const isStale = (name, text) => !existsSync(join(folder, name)) || readFileSync(join(folder, name), 'utf8') !== text;

/** What lies in the folder although nothing writes it. */
function strangers(pages) {
  return existsSync(folder) ? readdirSync(folder).filter((name) => !(name in pages)) : [];
}

function check(pages) {
  const stale = Object.entries(pages).filter(([name, text]) => isStale(name, text));
  for (const [name] of stale) console.log(`docs/reference/${name} is stale: npm run docs`);
  for (const name of strangers(pages)) console.log(`docs/reference/${name} is written by nobody: npm run docs`);
  process.exitCode = stale.length + strangers(pages).length > 0 ? 1 : 0;
}

function write(pages) {
  mkdirSync(folder, { recursive: true });
  for (const name of strangers(pages)) rmSync(join(folder, name));
  const stale = Object.entries(pages).filter(([name, text]) => isStale(name, text));
  for (const [name, text] of stale) writeFileSync(join(folder, name), text);
  console.log(stale.length === 0 ? 'docs/reference is up to date' : `wrote ${stale.map(([name]) => name).join(', ')}`);
}

if (process.execArgv.includes(FROM_SOURCES)) {
  const pages = await makePages();
  if (args.includes('--check')) check(pages);
  else write(pages);
} else {
  const again = [FROM_SOURCES, fileURLToPath(import.meta.url), ...args];
  process.exitCode = spawnSync(process.execPath, again, { stdio: 'inherit' }).status ?? 1;
}
