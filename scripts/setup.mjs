// Brings a clone to where it can run: packages as the lock file says, dist/ as the sources say. Does only what is due,
// and needs nothing but Node, for it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const inRoot = (...path) => join(root, ...path);

/** A set-up that cannot go on: the message is all that a person needs. */
export class SetupFault extends Error {}

/** Says each step that was due, with its time; when none was, nothing. Throws SetupFault. */
export function setUp(say) {
  const lock = lockClone(say);
  try {
    const packages = hashOf(['package-lock.json', 'package.json'], `${process.platform}-${process.arch}`);
    const installed = inRoot('node_modules', '.entrepot-setup');
    if (stampOf(installed) !== packages && !npmHasInstalled()) {
      say('  packages     installing them (some 15 s)');
      step(say, 'packages', 'installed', () => run(lock, 'npm', ['ci', '--include=dev', '--no-audit', '--no-fund']));
    }
    if (stampOf(installed) !== packages) writeFileSync(installed, packages);

    const sources = hashOf(['.swcrc', join('scripts', 'build.mjs'), ...sourceFiles('apps'), ...sourceFiles('libs')]);
    const built = inRoot('dist', '.entrepot-setup');
    if (stampOf(built) === sources) return;
    step(say, 'program', 'built', () => run(lock, process.execPath, [inRoot('scripts', 'build.mjs')]));
    writeFileSync(built, sources);
  } finally {
    if (lock !== undefined) closeSync(lock);
  }
}

function step(say, name, done, work) {
  const began = Date.now();
  work();
  say(`  ${name.padEnd(12)} ${done.padEnd(48)} ${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s`);
}

/** The child holds the lock too: killed alone, we leave it running, and the next set-up waits for its end. */
function run(lock, command, args) {
  const stdio = ['ignore', 'pipe', 'pipe', ...(lock === undefined ? [] : [lock])];
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio });
  if (status === 0) return;
  const said = [stdout, stderr, error?.message].filter(Boolean).join('\n').trim();
  throw new SetupFault(`${[command, ...args].join(' ')} failed:\n${withoutStacks(said)}`);
}

/** npm says where in itself it failed, too. */
function withoutStacks(text) {
  const lines = text.split('\n').filter((line) => !/^(npm error)?\s+at |^npm (warn|notice)/.test(line));
  return lines.join('\n');
}

function stampOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function hashOf(files, beside = '') {
  const hash = createHash('sha256').update(beside);
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(inRoot(file)));
  return hash.digest('hex');
}

function sourceFiles(folder) {
  return readdirSync(inRoot(folder), { withFileTypes: true })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sourceFiles(path);
      return path.endsWith('.ts') && !/\.(spec|suite|e2e)\.ts$/.test(path) ? [path] : [];
    });
}

/** Whoever ran `npm ci` himself need not wait for it again: npm notes what it installed. */
function npmHasInstalled() {
  try {
    const locked = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages;
    const there = JSON.parse(readFileSync(inRoot('node_modules', '.package-lock.json'), 'utf8')).packages;
    const same = (path) => there[path] && there[path].integrity === locked[path].integrity;
    return Object.keys(locked).every((path) => path === '' || same(path) || (!there[path] && locked[path].optional));
  } catch {
    return false;
  }
}

/**
 * Two set-ups in one clone would pull node_modules from under each other. The kernel's lock on package.json ends with
 * its process; where no helper can take it (see libs/children/src/file-lock.ts) set-up goes on without.
 */
function lockClone(say) {
  const path = inRoot('package.json');
  if (process.platform === 'darwin') return openSync(path, constants.O_RDONLY | 0x20);
  const fd = openSync(path, 'r');
  const flock = (...how) =>
    spawnSync('flock', ['-x', ...how, '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] }).status;
  if (flock('-n') === 1) {
    say('  set-up       waiting for another one in this clone');
    flock();
  }
  return fd;
}
