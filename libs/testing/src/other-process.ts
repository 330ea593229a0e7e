import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Sources are read as jest reads them: compiled as they are needed, and imports by subpath lead to them. */
const COMPILES = `
  require.extensions['.ts'] = (module, path) => module._compile(require('@swc/core').transformFileSync(path).code, path);
`;

/** Runs a script in another process, with what this module exports as `its`; its output is on stdout. */
export function otherProcess(module: string, script: string): ChildProcess {
  const text = `${COMPILES} const its = require(${JSON.stringify(module)}); ${script}`;
  return spawn(process.execPath, ['--conditions=source', '-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** SIGKILL, unless it has ended; resolves when it has. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
