import type { Calls } from '#calls/calls';
import { HashObject, ListStored } from '#contracts/calls/blobs';
import { CheckRows, ListObjects } from '#contracts/calls/collection';
import { type Digest, digestAlgorithm, parseDigest } from '#oci/digest';
import { isRegistryError } from '#oci/registry-error';
import { compareStore, type Fault, type ObjectRow, type Stored } from './compare-store';

export interface FsckOptions {
  /** Read and hash every byte. */
  readonly deep: boolean;
  readonly say: (line: string) => void;
}

const PAGE = 1000;

/**
 * The leak check: files or keys = rows, sizes right, no session forgotten, and (deep) every digest right.
 * While services work, things move between the two listings: only a fault that two passes agree on is one.
 */
export async function fsck(calls: Calls, { deep, say }: FsckOptions): Promise<Fault[]> {
  const first = await compareOnce(calls, say);
  const second = new Set(first.faults.length > 0 ? (await compareOnce(calls, say)).faults : []);
  const faults = first.faults.filter((fault) => second.has(fault));
  return deep ? [...faults, ...(await checkDigests(calls, first.rows, say))] : faults;
}

async function compareOnce(calls: Calls, say: FsckOptions['say']): Promise<{ rows: ObjectRow[]; faults: Fault[] }> {
  const stored = await listStored(calls);
  const rows = await listObjects(calls);
  const { faults } = await calls.ask(CheckRows, {});
  const bytes = stored.reduce((sum, each) => sum + each.bytes, 0);
  say(`compared ${stored.length} stored objects (${bytes} bytes) with ${rows.length} rows`);
  return { rows, faults: [...compareStore(stored, rows), ...faults.map((fault) => `row: ${fault}`)] };
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

async function checkDigests(calls: Calls, rows: readonly ObjectRow[], say: FsckOptions['say']): Promise<Fault[]> {
  const faults: Fault[] = [];
  const live = rows.filter((row) => row.state === 'live' && !row.lost && row.digest !== null);
  for (const [at, { object, digest }] of live.entries()) {
    const fault = await checkDigest(calls, object, parseDigest(digest!));
    if (fault) faults.push(fault);
    if ((at + 1) % 100 === 0) say(`hashed ${at + 1} of ${live.length} objects`);
  }
  say(`hashed ${live.length} objects`);
  return faults;
}

/** What is wrong is looked at again: what is purged between the two was on its way out, and is nobody's fault. */
async function checkDigest(calls: Calls, object: string, promised: Digest): Promise<Fault | null> {
  if ((await hashedAs(calls, object, promised)) === promised) return null;
  const actual = await hashedAs(calls, object, promised);
  return actual === null || actual === promised
    ? null
    : `digest: object ${object} should be ${promised} but is ${actual}`;
}

/** Its digest, or in words why it has none; null where it is gone. One that cannot be read hides no other. */
async function hashedAs(calls: Calls, object: string, promised: Digest): Promise<string | null> {
  try {
    const { digest } = await calls.ask(HashObject, { object, algorithm: digestAlgorithm(promised) });
    return digest ?? 'unreadable: bytes are missing';
  } catch (error) {
    if (isRegistryError(error, 'BLOB_UNKNOWN')) return null;
    if (isRegistryError(error, 'UNAVAILABLE')) return `unreadable: ${error.message}`;
    throw error;
  }
}
