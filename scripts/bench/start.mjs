// From a fresh clone to ready, a second start, and what it weighs when nothing happens.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memoryOf, mib, processTree, removeFolder, run, seconds, sharedMemoryOf, tempFolder } from './program.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const IDLE_MS = 20_000;

function start(clone, port) {
  const began = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: clone,
    detached: true,
    env: { ...process.env, ENTREPOT_PORT: String(port), ENTREPOT_NATS_PORT: String(port + 1) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.resume();
  child.stderr.resume();
  const ready = untilReady(`http://127.0.0.1:${port}/readyz`, child).then(() => performance.now() - began);
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('close', resolve));
    process.kill(-child.pid, 'SIGTERM');
    await ended;
  };
  return { child, ready, stop };
}

async function untilReady(url, child) {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function measure() {
  const folder = await tempFolder('clone');
  const clone = join(folder, 'entrepot');
  try {
    await run('chmod', ['711', folder]);
    await run('git', ['clone', '-q', '--no-hardlinks', root, clone]);
    const first = start(clone, 15_050);
    const firstMs = await first.ready;
    await first.stop();
    const second = start(clone, 15_050);
    const secondMs = await second.ready;
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const program = processTree(second.child.pid).find((pid) => isProgram(pid));
    const idle = { all: sharedMemoryOf(program), node: memoryOf(program, 'VmRSS') };
    await second.stop();
    return {
      title: 'Start and idle',
      columns: ['What', 'Measured'],
      rows: [
        ['fresh clone to ready (package cache warm)', seconds(firstMs)],
        ['second start', seconds(secondMs)],
        ['idle memory: all processes (PSS)', mib(idle.all)],
        ['idle memory: the Node process (RSS)', mib(idle.node)],
      ],
      notes: [`Idle is ${IDLE_MS / 1000} s after the second start.`],
    };
  } finally {
    await removeFolder(folder);
  }
}

function isProgram(pid) {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('scripts/start.mjs');
}
