// Everything that holds the promises: sets up what is missing, then checks, specs, and the real program against real
// peers. `npm test -- PATTERN...` runs only the tests whose path matches; further arguments are jest's.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ensureImage, imageNames } from './images.mjs';
import { peersFolder } from './peers/find.mjs';
import { ensurePeers } from './peers.mjs';
import { setUp } from './setup.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const isCi = Boolean(process.env.CI);
/** How long jest may take to end once its results are written, in milliseconds. */
const END_WITHIN_MS = 30_000;
const REPORT_SIGNAL = 'SIGUSR2';
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
    const end = await runJest([...settings, ...args], output);
    return count(output) ?? (end === 0 ? undefined : `jest ended with ${end}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * jest prints its JSON too when it may not write elsewhere: its own output goes to stderr, and is what people see.
 * Gives its exit code, or says that it was ended and what kept it: what a test leaves open does so for ever.
 */
function runJest(args, output) {
  const program = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const reports = join(dirname(output), 'reports');
  mkdirSync(reports);
  const env = { ...process.env, PATH: [join(peersFolder(), 'bin'), process.env.PATH].join(delimiter) };
  const report = ['--report-on-signal', `--report-signal=${REPORT_SIGNAL}`, `--report-directory=${reports}`];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...report, program, ...args], {
      cwd: root,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    let left = '';
    const end = async () => {
      child.kill(REPORT_SIGNAL);
      left = await leftOpen(reports);
      child.kill('SIGKILL');
    };
    const watch = setInterval(() => {
      if (!existsSync(output)) return;
      clearInterval(watch);
      overdue = setTimeout(end, END_WITHIN_MS);
    }, 1_000);
    let overdue;
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      clearTimeout(overdue);
      resolve(code ?? `${signal}: jest did not end by itself, for a test left something open:\n${left}`);
    });
  });
}

/** What keeps a program running, one line each, as its diagnostic report says it (nodejs.org/api/report.html). */
async function leftOpen(reports) {
  for (let tries = 0; tries < 20; tries++) {
    await delay(500);
    try {
      const [file] = readdirSync(reports);
      const { libuv } = JSON.parse(readFileSync(join(reports, file), 'utf8'));
      const open = libuv.filter((handle) => handle.is_active && handle.is_referenced);
      return open.map(({ address, is_active, is_referenced, ...what }) => `  ${JSON.stringify(what)}`).join('\n');
    } catch {
      // Not written yet.
    }
  }
  return '  (it left no report)';
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
  await step('specs', () => jest('specs', args));
  await step('end to end', () => jest('end-to-end', ['--runInBand', ...args]));
  await step('what was tested', async () => (files === 0 ? `no test matches ${args.join(' ')}` : undefined));
}
if (faults.length > 0) console.log(`\nFAILED: ${faults.join(', ')}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = faults.length === 0 && totals.failed === 0 ? 0 : 1;
