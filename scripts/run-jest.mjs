// Runs jest to its end, whatever tests leave open.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { peersFolder } from './peers/find.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const program = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
/** How long jest may take to end once its results are written, in milliseconds. */
const END_WITHIN_MS = 30_000;
const REPORT_SIGNAL = 'SIGUSR2';

/**
 * Gives a fault, or undefined. The results are in the file `output`: jest prints them too when it may not write
 * elsewhere, so its own output goes to stderr, and is what people see. A socket or timer that a test forgot would keep
 * jest for ever: it is said, and jest is ended, as jest itself ends its workers. A process that was forgotten is a fault.
 */
export async function runJest(args, output) {
  const reports = join(dirname(output), 'reports');
  mkdirSync(reports);
  const child = start(args, reports);
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  const late = new AbortController();
  const overdue = isOverdue(output, late.signal);
  const first = await Promise.race([ended, overdue]);
  late.abort();
  if (first !== undefined) return first === 0 ? undefined : `jest ended with ${first}`;
  const left = await endAndTell(child, reports);
  await ended;
  const lines = left.map((handle) => `  ${JSON.stringify(handle)}`).join('\n');
  console.log(`  jest did not end by itself, for a test left something open:\n${lines}`);
  if (left.some(({ type }) => type === 'process')) return 'a test left a process behind';
  return JSON.parse(readFileSync(output, 'utf8')).success ? undefined : 'tests failed';
}

/** One test of the real program, by itself: where it fails so does this process. */
export async function runOneTest(path) {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-jest-'));
  const output = join(folder, 'results.json');
  const project = ['--selectProjects=end-to-end', '--runInBand'];
  const fault = await runJest([path, ...project, '--json', `--outputFile=${output}`], output);
  rmSync(folder, { recursive: true });
  if (!fault) return;
  console.error(fault);
  process.exit(1);
}

function start(args, reports) {
  const report = ['--report-on-signal', `--report-signal=${REPORT_SIGNAL}`, `--report-directory=${reports}`];
  const env = { ...process.env, PATH: [join(peersFolder(), 'bin'), process.env.PATH].join(delimiter) };
  const stdio = ['ignore', 'ignore', 'inherit'];
  return spawn(process.execPath, [...report, program, ...args], { cwd: root, env, stdio });
}

/** Resolves, to nothing, when the results have been there for too long. */
async function isOverdue(output, signal) {
  const wait = (ms) => delay(ms, undefined, { signal });
  try {
    while (!existsSync(output)) await wait(1_000);
    await wait(END_WITHIN_MS);
  } catch {
    // It ended.
  }
}

/** What kept it running, as its diagnostic report says (nodejs.org/api/report.html). */
async function endAndTell(child, reports) {
  child.kill(REPORT_SIGNAL);
  const left = await readReport(reports);
  child.kill('SIGKILL');
  return left;
}

async function readReport(reports) {
  for (let tries = 0; tries < 20; tries++) {
    await delay(500);
    try {
      const [file] = readdirSync(reports);
      const { libuv } = JSON.parse(readFileSync(join(reports, file), 'utf8'));
      const open = libuv.filter((handle) => handle.is_active && handle.is_referenced);
      return open.map(({ address, is_active, is_referenced, ...what }) => what);
    } catch {
      // Not written yet.
    }
  }
  return [{ type: 'unknown: it left no report' }];
}
