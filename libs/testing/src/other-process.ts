import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { transformFileSync } from '@swc/core';

/**
 * Runs a script in another process, with what this module exports as `its`. The module may import Node's own modules
 * and start-fault; its output is on stdout.
 */
export function otherProcess(module: string, script: string): ChildProcess {
  const { code } = transformFileSync(module);
  const text = `
    const its = {};
    const imported = (name) => (name === '#config/start-fault' ? { StartFault: class extends Error {} } : require(name));
    new Function('exports', 'require', ${JSON.stringify(code)})(its, imported);
    ${script}
  `;
  return spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** SIGKILL, unless it has ended; resolves when it has. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
