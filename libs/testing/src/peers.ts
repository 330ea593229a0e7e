import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describeWhere } from './describe-where';
import { HOUSE } from './house';

interface FoundPeer {
  readonly name: string;
  /** What installs it. */
  readonly line: string;
  readonly path?: string;
}

const SCRIPT = join(HOUSE, 'scripts', 'peers.mjs');
const found = new Map<string, FoundPeer>();

function findPeers(names: readonly string[]): FoundPeer[] {
  const unasked = names.filter((name) => !found.has(name));
  if (unasked.length > 0) {
    const answer = execFileSync(process.execPath, [SCRIPT, '--find', ...unasked], { encoding: 'utf8' });
    for (const peer of JSON.parse(answer) as FoundPeer[]) found.set(peer.name, peer);
  }
  return names.map((name) => found.get(name) ?? { name, line: `(there is no peer named ${name})` });
}

/** The path of a real program; throws with the line that installs it. */
export function peer(name: string): string {
  const [{ path, line } = { line: '' }] = findPeers([name]);
  if (path === undefined) throw new Error(`${name} is missing: ${line}`);
  return path;
}

/** Tests against real programs; what is missing is said with the line that installs it. */
export function describeWithPeers(title: string, names: readonly string[], body: () => void): void {
  const missing = findPeers(names).filter(({ path }) => path === undefined);
  const why = missing.map(({ name, line }) => `${name} is missing: ${line}`).join('; ');
  describeWhere(why || undefined, title, body);
}
