import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartFault } from '#config/start-fault';
import { processCommandLine, processFolder } from './process-identity';

/**
 * A killed Postgres leaves its postmaster.pid behind. The next one takes it over when no process has that pid; but pids
 * are used again, and then it would refuse for ever. So a pid that is no Postgres of this folder is replaced by our own,
 * which it takes for stale, being its parent's. The file itself stays: its last lines let Postgres find out whether
 * workers of the killed server still write. A live Postgres of this folder is refused.
 */
export async function disarmStaleLock(cluster: string): Promise<void> {
  const path = join(cluster, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const [first = '', ...rest] = text.split('\n');
  const pid = Number(first);
  if (!isAlive(pid)) return;
  if (servesFolder(pid, cluster)) throw new StartFault(`Another Postgres (process ${pid}) runs in ${cluster}.`);
  await writeFile(path, [process.pid, ...rest].join('\n'));
}

function isAlive(pid: number): boolean {
  return Number.isInteger(pid) && pid > 0 && processCommandLine(pid) !== undefined;
}

function servesFolder(pid: number, cluster: string): boolean {
  const folder = processFolder(pid);
  return folder === undefined ? (processCommandLine(pid)?.includes(cluster) ?? false) : folder === cluster;
}
