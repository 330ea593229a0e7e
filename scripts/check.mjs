// What can be said about the sources without running them, in seconds. `node scripts/check.mjs [--root DIR] [step...]`
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from './check/run-tool.mjs';

const here = join(dirname(fileURLToPath(import.meta.url)), '..');
const tool = (path) => join(here, 'node_modules', path);

const BIOME = '@biomejs/biome/bin/biome';
const TSC = 'typescript/bin/tsc';
const CRUISER = 'dependency-cruiser/bin/dependency-cruise.mjs';

/** Each step gives the lines of what is wrong; none means that all is well. */
const STEPS = {
  'format and lint': (root) =>
    runTool(tool(BIOME), ['check', '--max-diagnostics=50', '--error-on-warnings', '.'], root),
  types: (root) => runTool(tool(TSC), ['--noEmit', '--pretty', 'false'], root),
  imports: checkImports,
  names: async (root) => (await import('./check/names.mjs')).checkNames(root),
  words: async (root) => (await import('./check/words.mjs')).checkWords(root),
  'durable steps': async (root) => (await import('./check/durable-steps.mjs')).checkDurableSteps(root),
  docs: checkDocs,
};

function checkImports(root) {
  const folders = ['apps', 'libs', 'test'].filter((folder) => existsSync(join(root, folder)));
  const rules = join(here, '.dependency-cruiser.cjs');
  return runTool(tool(CRUISER), ['--config', rules, '--output-type', 'err-long', ...folders], root);
}

/** Generated pages must be what the sources give now. */
async function checkDocs(root) {
  const script = join(root, 'scripts', 'docs.mjs');
  return existsSync(script) ? runTool(script, ['--check'], root) : [];
}

async function timed(run) {
  const began = Date.now();
  const faults = await run().catch((error) => [String(error?.stack ?? error)]);
  return { faults, seconds: ((Date.now() - began) / 1000).toFixed(1) };
}

/** Runs the steps at once, tells of each in order, and gives the number of those that failed. */
export async function check({ root = here, names = Object.keys(STEPS), say = console.log } = {}) {
  const running = names.map((name) => [name, timed(async () => STEPS[name](root))]);
  let failed = 0;
  for (const [name, result] of running) {
    const { faults, seconds } = await result;
    say(`  ${faults.length === 0 ? 'ok  ' : 'FAIL'} ${name}, ${seconds} s`);
    for (const fault of faults) say(`       ${fault}`);
    if (faults.length > 0) failed += 1;
  }
  return failed;
}

function fromCommandLine(args) {
  const at = args.indexOf('--root');
  const root = at === -1 ? here : resolve(args[at + 1] ?? '.');
  const names = at === -1 ? args : args.toSpliced(at, 2);
  const unknown = names.filter((name) => !(name in STEPS));
  if (unknown.length > 0)
    throw new Error(`no such step: ${unknown.join(', ')}; there are ${Object.keys(STEPS).join(', ')}`);
  return names.length > 0 ? { root, names } : { root };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(tool(TSC))) throw new Error('the packages are not installed: npm ci');
  console.log('Checks:');
  process.exitCode = (await check(fromCommandLine(process.argv.slice(2)))) === 0 ? 0 : 1;
}
