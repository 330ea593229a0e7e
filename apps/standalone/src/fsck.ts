import type { Calls } from '#calls/calls';
import { HashObject, ListStored } from '#contracts/calls/blobs';
import { CheckRows, ListObjects } from '#contracts/calls/collection';
import { type Digest, digestAlgorithm, parseDigest } from '#oci/digest';
import { isRegistryError } from '#oci/registry-error';
import { compareStore, type Fault, isFinished, type ObjectRow, type Stored } from './compare-store';
import { reportLost } from './report-lost';

export interface FsckOptions {
  /** Read and hash every byte. */
  readonly deep: boolean;
  /** Believe what is found however much it is. */
  readonly force?: boolean;
  readonly say: (line: string) => void;
}

const PAGE = 1000;

/**
 * The leak check: files or keys = rows, sizes right, no session forgotten, and (deep) every digest right.
 * While services work, things move between the two listings: only a fault that two passes agree on is one.
 * Bytes that are missing or wrong are reported lost, so that nobody is given them and the next pull brings others.
 */
export async function fsck(calls: Calls, { deep, force = false, say }: FsckOptions): Promise<string[]> {
  const first = await compareOnce(calls);
  const again = first.faults.length > 0 ? await compareOnce(calls) : first;
  const agreed = new Set(again.faults.map(({ line }) => line));
  const faults = first.faults.filter(({ line }) => agreed.has(line));
  for (const line of summaryOf(again)) say(line);
  if (deep) faults.push(...(await checkDigests(calls, again.rows, faults, say)));
  return reportLost(calls, faults, again.rows, force);
}

interface Comparison {
  readonly stored: readonly Stored[];
  readonly rows: readonly ObjectRow[];
  readonly faults: readonly Fault[];
}

async function compareOnce(calls: Calls): Promise<Comparison> {
  const stored = await listStored(calls);
  const rows = await listObjects(calls);
  const found = compareStore(stored, rows);
  const { faults } = await calls.ask(CheckRows, {});
  const spoilt = found.flatMap((fault) => fault.spoilt ?? []);
  // An object that is named already is not named again by a rule of its rows.
  const others = faults.filter((line) => !spoilt.some((object) => line.startsWith(`object ${object} `)));
  return { stored, rows, faults: [...found, ...others.map((line) => ({ line: `row: ${line}` }))] };
}

function summaryOf({ stored, rows }: Comparison): string[] {
  const bytes = stored.reduce((sum, each) => sum + each.bytes, 0);
  const states = ['live', 'condemned', 'purging', 'uploading'] as const;
  const parts = states
    .map((state) => ({ state, number: rows.filter((row) => row.state === state).length }))
    .filter(({ number }) => number > 0)
    .map(({ state, number }) => `${number} ${state}`);
  const empty = rows.filter((row) => row.state === 'live' && row.size === 0).length;
  return [
    `in the store: ${stored.length} objects, ${bytes} bytes`,
    `in the database: ${parts.join(', ') || 'none'}${empty > 0 ? ` (${empty} empty, which may have no file)` : ''}`,
  ];
}

async function listStored(calls: Calls): Promise<Stored[]> {
  const all: Stored[] = [];
  for (let after: string | undefined; ; ) {
    const { stored, next } = await calls.ask(ListStored, { limit: PAGE, ...(after ? { after } : {}) });
    all.push(...stored);
    if (next === null) return all;
    after = next;
  }
}

async function listObjects(calls: Calls): Promise<ObjectRow[]> {
  const all: ObjectRow[] = [];
  for (let after: string | undefined; ; ) {
    const { objects, next } = await calls.ask(ListObjects, { limit: PAGE, ...(after ? { after } : {}) });
    all.push(...objects);
    if (next === null) return all;
    after = next;
  }
}

/** All that is live or may come back; what was found to be spoilt already needs no second line. */
async function checkDigests(
  calls: Calls,
  rows: readonly ObjectRow[],
  known: readonly Fault[],
  say: FsckOptions['say'],
): Promise<Fault[]> {
  const spoilt = new Set(known.map((fault) => fault.spoilt));
  const finished = rows.filter((row) => isFinished(row) && !spoilt.has(row.object) && row.digest !== null);
  const faults: Fault[] = [];
  for (const [at, { object, digest }] of finished.entries()) {
    const fault = await checkDigest(calls, object, parseDigest(digest!));
    if (fault) faults.push(fault);
    if ((at + 1) % 100 === 0) say(`hashed ${at + 1} of ${finished.length} objects`);
  }
  const others = rows.length - finished.length;
  const rest = others > 0 ? `; ${others} more are on their way in or out, or known to be without their bytes` : '';
  say(`hashed ${finished.length} objects${rest}`);
  return faults;
}

/** What is wrong is looked at again: what is purged between the two was on its way out, and is nobody's fault. */
async function checkDigest(calls: Calls, object: string, promised: Digest): Promise<Fault | null> {
  if ((await hashOf(calls, object, promised)).digest === promised) return null;
  const { digest, why } = await hashOf(calls, object, promised);
  if (digest === promised || why === 'gone') return null;
  const line = `digest: object ${object} should be ${promised} but is ${digest ?? why}`;
  // What cannot be read now may be there all the same.
  return digest === null && why !== MISSING ? { line } : { line, spoilt: object };
}

const MISSING = 'unreadable: bytes are missing';

/** Its digest, or in words why it has none. One that cannot be read hides no other. */
async function hashOf(calls: Calls, object: string, promised: Digest): Promise<{ digest: Digest | null; why: string }> {
  try {
    const { digest } = await calls.ask(HashObject, { object, algorithm: digestAlgorithm(promised) });
    return { digest, why: digest === null ? MISSING : '' };
  } catch (error) {
    if (isRegistryError(error, 'BLOB_UNKNOWN')) return { digest: null, why: 'gone' };
    if (isRegistryError(error, 'UNAVAILABLE')) return { digest: null, why: `unreadable: ${error.message}` };
    throw error;
  }
}
