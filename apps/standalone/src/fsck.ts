import type { Calls } from '#calls/calls';
import { HashObject } from '#contracts/calls/blobs';
import { CheckRows, CheckStreams } from '#contracts/calls/collection';
import { type Digest, digestAlgorithm, parseDigest } from '#oci/digest';
import { isRegistryError } from '#oci/registry-error';
import { type Fault, isFinished, type ObjectRow } from './compare-store';
import { Findings } from './findings';
import { readSlices } from './read-slices';
import { type RepairOptions, repair } from './repair';

export interface FsckOptions extends RepairOptions {
  /** Read and hash every byte. */
  readonly deep: boolean;
  readonly say: (line: string) => void;
  /** Told now and then how far it is. */
  readonly progress?: (line: string) => void;
  /** Ends it early: what was found until then is reported. */
  readonly signal?: AbortSignal;
}

const PROGRESS_MS = 5_000;

/**
 * The leak check: files or keys = rows, sizes right, no session forgotten, and (deep) every digest right; rules of rows;
 * what is overdue. While services work, things move: only a fault that two looks agree on is one. However much is
 * stored, a page of it is in memory at once. Bytes that are missing or wrong are reported lost, so that nobody is given
 * them and the next pull brings others.
 */
export async function fsck(calls: Calls, options: FsckOptions): Promise<Fault[]> {
  const findings = new Findings();
  const tell = everyNowAndThen(options.progress);
  for await (const slice of readSlices(calls)) {
    if (options.signal?.aborted) break;
    findings.add(slice);
    if (options.deep) await checkDigests(calls, slice.rows, findings, tell, options.signal);
    tell(() => findings.progress);
  }
  if (!options.signal?.aborted) await checkRows(calls, findings);
  if (!options.signal?.aborted) await checkStreams(calls, findings, options);
  for (const line of findings.summary) options.say(line);
  if (options.deep) options.say(findings.hashSummary);
  return repair(calls, findings, options);
}

function everyNowAndThen(progress: FsckOptions['progress']): (line: () => string) => void {
  let last = Date.now();
  return (line) => {
    if (!progress || Date.now() - last < PROGRESS_MS) return;
    last = Date.now();
    progress(line());
  };
}

/** Of a rule of rows too, only what two looks agree on. */
async function checkRows(calls: Calls, findings: Findings): Promise<void> {
  const first = await calls.ask(CheckRows, {});
  if (first.faults.length + first.stuck.length === 0) return;
  const again = await calls.ask(CheckRows, {});
  findings.addLines(
    'row',
    first.faults.filter((line) => again.faults.includes(line)),
  );
  findings.addLines(
    'stuck',
    first.stuck.filter((line) => again.stuck.includes(line)),
  );
}

/** Where the bus is away that is said: what waits for it is overdue in time. */
async function checkStreams(
  calls: Calls,
  findings: Findings,
  { repair: mend = false, say }: FsckOptions,
): Promise<void> {
  try {
    const { faults } = await calls.ask(CheckStreams, { mend });
    findings.addLines('stream', mend ? faults.map((line) => `${line}; made as it should be`) : faults);
  } catch (error) {
    if (!isRegistryError(error, 'UNAVAILABLE', 'TIMEOUT')) throw error;
    say(`streams were not compared: ${error.message}`);
  }
}

/** All that is live or may come back; what was found to be spoilt already needs no second line. */
async function checkDigests(
  calls: Calls,
  rows: readonly ObjectRow[],
  findings: Findings,
  tell: (line: () => string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const row of rows) {
    if (signal?.aborted) return;
    if (!isFinished(row) || row.digest === null || findings.isSpoilt(row.object)) continue;
    const fault = await checkDigest(calls, row.object, parseDigest(row.digest));
    findings.addHashed(row, fault);
    tell(() => findings.progress);
  }
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
