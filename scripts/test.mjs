// Everything that holds the promises: sets up what is missing, then checks, specs, and the real program against real
// peers. `npm test -- PATTERN...` runs only the tests whose path matches; further arguments are jest's.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureImage, imageNames } from './images.mjs';
import { ensurePeers } from './peers.mjs';
import { runJest } from './run-jest.mjs';
import { setUp } from './setup.mjs';

const isCi = Boolean(process.env.CI);
/** Specs wait for Postgres and for disks as much as they compute. */
const SPECS_AT_ONCE = Math.max(2, availableParallelism() - 1);
const totals = { passed: 0, failed: 0, skipped: 0 };
/** Files with tests that were run: where a pattern matches none, nothing was tested. */
let files = 0;
const faults = [];

async function step(title, run) {
  const began = Date.now();
  console.log(`\n== ${title}`);
  const fault = await run().catch((error) => error?.stack ?? String(error));
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`== ${title}: ${fault ? `FAILED: ${fault}` : 'done'}, ${seconds} s`);
  if (fault) faults.push(title);
}

/** In CI every peer must be there; elsewhere its tests are skipped, and say what installs it. */
async function bringPeers() {
  const missing = ensurePeers({ say: console.log });
  if (missing.length === 0) return undefined;
  const list = missing.map(({ name, line, reason }) => `${name} (${line}): ${reason}`).join('\n  ');
  if (isCi) return `these are missing:\n  ${list}`;
  console.log(`  tests that need these are skipped:\n  ${list}`);
  return undefined;
}

async function bringImages() {
  for (const name of imageNames()) {
    try {
      console.log(`  ${name}: ${await ensureImage(name)}`);
    } catch (error) {
      if (isCi) return error.message;
      console.log(`  ${name}: MISSING: ${error.message}`);
    }
  }
  return undefined;
}

async function check() {
  const { check: runChecks } = await import('./check.mjs');
  const failed = await runChecks();
  return failed > 0 ? `${failed} failed` : undefined;
}

async function jest(project, args) {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-jest-'));
  const output = join(folder, 'results.json');
  try {
    const settings = [`--selectProjects=${project}`, '--json', `--outputFile=${output}`, '--passWithNoTests'];
    const fault = await runJest([...settings, ...args], output);
    return count(output) ?? fault;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count(output) {
  let results;
  try {
    results = JSON.parse(readFileSync(output, 'utf8'));
  } catch (error) {
    return `jest left no results: ${error.message}`;
  }
  files += results.numTotalTestSuites;
  totals.passed += results.numPassedTests;
  totals.failed += results.numFailedTests;
  totals.skipped += results.numPendingTests + results.numTodoTests;
  // A file that cannot even be loaded has no test to count.
  totals.failed += results.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  return results.success ? undefined : `${results.numFailedTestSuites} of ${results.numTotalTestSuites} files failed`;
}

const args = process.argv.slice(2);
await step('packages and build', async () => setUp(console.log));
if (faults.length === 0) {
  await step('real peers', bringPeers);
  await step('real images', bringImages);
  await step('checks', check);
  await step('specs', () => jest('specs', [`--maxWorkers=${SPECS_AT_ONCE}`, ...args]));
  await step('end to end', () => jest('end-to-end', ['--runInBand', ...args]));
  await step('what was tested', async () => (files === 0 ? `no test matches ${args.join(' ')}` : undefined));
}
if (faults.length > 0) console.log(`\nFAILED: ${faults.join(', ')}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = faults.length === 0 && totals.failed === 0 ? 0 : 1;
