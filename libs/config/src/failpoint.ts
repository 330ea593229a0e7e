import { readFileSync } from 'node:fs';
import { StartFault } from './start-fault';

/**
 * Failpoints stand before and after every durable step, and do nothing unless asked for:
 * `ENTREPOT_FAILPOINTS='metadata.finish-session:after=kill; blobs.fsync-extent:before=error@2'`.
 * Actions: `kill` (SIGKILL to this process), `error` (throws), `hang` (never returns), `delay(ms)`, and `say`, which
 * writes `failpoint <name>` to stderr and so tells what is passed.
 * `@n` acts at the n-th passing only. `ENTREPOT_FAILPOINTS=file:<path>` has them in a file, which is looked at again at
 * each passing, so that a program that runs can be told where to die.
 */
type Action = { kind: 'kill' | 'error' | 'hang' | 'say' } | { kind: 'delay'; ms: number };

interface Failpoint {
  readonly action: Action;
  readonly at: number | null;
  passed: number;
}

export class FailpointError extends Error {
  override readonly name = 'FailpointError';
}

function parseAction(text: string): Action {
  const delay = /^delay\((\d+)\)$/.exec(text);
  if (delay) return { kind: 'delay', ms: Number(delay[1]) };
  if (text === 'kill' || text === 'error' || text === 'hang' || text === 'say') return { kind: text };
  throw new StartFault(`ENTREPOT_FAILPOINTS: unknown action "${text}"; use kill, error, hang, say or delay(ms)`);
}

/** Parses `name:before|after=action[@n]`, separated by semicolons. Throws StartFault. */
export function parseFailpoints(text: string): Map<string, Failpoint> {
  const points = new Map<string, Failpoint>();
  for (const part of text
    .split(';')
    .map((each) => each.trim())
    .filter(Boolean)) {
    const match = /^([\w.-]+:(?:before|after))=([\w()]+?)(?:@(\d+))?$/.exec(part);
    if (!match) throw new StartFault(`ENTREPOT_FAILPOINTS: "${part}" is not name:before=action or name:after=action`);
    points.set(match[1]!, { action: parseAction(match[2]!), at: match[3] ? Number(match[3]) : null, passed: 0 });
  }
  return points;
}

const FILE = 'file:';

type Asked = () => Map<string, Failpoint>;

let asked: Asked | null | undefined;

/** Reads what is asked for, so that a fault in it ends the start and not some durable step. Throws StartFault. */
export function readFailpoints(): Map<string, Failpoint> | null {
  if (asked === undefined) asked = ask(process.env.ENTREPOT_FAILPOINTS ?? '');
  return asked === null ? null : asked();
}

function ask(text: string): Asked | null {
  if (text === '') return null;
  if (text.startsWith(FILE)) return inFile(text.slice(FILE.length));
  const points = parseFailpoints(text);
  return () => points;
}

/** Passings are counted anew when the file says something else. */
function inFile(path: string): Asked {
  let text = '';
  let points = new Map<string, Failpoint>();
  return () => {
    const now = readFileSync(path, 'utf8');
    if (now !== text) points = parseFailpoints(now);
    text = now;
    return points;
  };
}

async function act(name: string): Promise<void> {
  const point = readFailpoints()?.get(name);
  if (!point) return;
  point.passed += 1;
  if (point.at !== null && point.at !== point.passed) return;
  if (point.action.kind === 'say') return void process.stderr.write(`failpoint ${name}\n`);
  if (point.action.kind === 'error') throw new FailpointError(`failpoint ${name}`);
  if (point.action.kind === 'kill') process.kill(process.pid, 'SIGKILL');
  const ms = point.action.kind === 'delay' ? point.action.ms : 2 ** 31 - 1;
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Runs a durable step (a commit, an fsync, a rename, a storage call, a publish, an ack) between its two failpoints.
 * Every durable step goes through here or through a wrapper that does; `npm run check` lists those that do not.
 * `step` is `<app>.<verb>-<noun>`, unique in the code.
 */
export async function durable<T>(step: string, run: () => Promise<T>): Promise<T> {
  if (readFailpoints() === null) return run();
  await act(`${step}:before`);
  const result = await run();
  await act(`${step}:after`);
  return result;
}
