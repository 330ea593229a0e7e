import type { Calls } from '#calls/calls';
import { FindHolders } from '#contracts/calls/collection';
import { MarkLost } from '#contracts/calls/sessions';
import type { AnswerOf } from '#contracts/define-call';
import { parseDigest } from '#oci/digest';
import { isRegistryError } from '#oci/registry-error';
import type { Fault, ObjectRow } from './compare-store';

/** More than this share of more than so many objects is no accident of some files, but another or an empty store. */
const MOST_SHARE = 0.5;
const FEW = 10;
const PAGE = 100;

type Holder = AnswerOf<typeof FindHolders>['holders'][number];

/**
 * Reports the objects of faults lost, by their ids, and gives every fault's line with what mends it; beside them what was
 * lost earlier and is held by a manifest still. Where most of the store is gone nothing is reported unless forced: lost
 * objects never come back, and a store that is not mounted does.
 */
export async function reportLost(
  calls: Calls,
  faults: readonly Fault[],
  rows: readonly ObjectRow[],
  force: boolean,
): Promise<string[]> {
  const spoilt = new Set(faults.flatMap((fault) => fault.spoilt ?? []));
  const finished = rows.filter(({ state }) => state === 'live' || state === 'condemned');
  const held = spoilt.size > FEW && spoilt.size > finished.length * MOST_SHARE && !force;
  const wanted = finished.filter(({ object, lost, state }) => spoilt.has(object) || (lost && state === 'live'));
  const remedies = await findRemedies(calls, wanted);
  const lines: string[] = [];
  for (const { line, spoilt: object } of faults) {
    lines.push(object === undefined || held ? line : `${line}; ${await markLost(calls, object, line, remedies)}`);
  }
  for (const { object, digest, lost } of wanted) {
    const remedy = remedies.get(object);
    if (lost && remedy !== undefined) lines.push(`lost: object ${object} (${digest}) is without its bytes; ${remedy}`);
  }
  if (held) lines.push(heldBack(spoilt.size, finished.length));
  return lines;
}

/** What to do about each that a manifest holds, by object. */
async function findRemedies(calls: Calls, rows: readonly ObjectRow[]): Promise<Map<string, string>> {
  const remedies = new Map<string, string>();
  for (let at = 0; at < rows.length; at += PAGE) {
    const page = rows.slice(at, at + PAGE).filter(({ digest }) => digest !== null);
    const { holders } = await calls.ask(FindHolders, { digests: page.map(({ digest }) => parseDigest(digest!)) });
    for (const [index, { object }] of page.entries()) {
      const holder = holders[index];
      if (holder) remedies.set(object, remedyOf(holder));
    }
  }
  return remedies;
}

function remedyOf({ repository, upstream, manifest }: NonNullable<Holder>): string {
  if (upstream === null) return `push ${repository}@${manifest} again`;
  return `pull ${upstream}${repository.slice(repository.indexOf('/'))}@${manifest} again`;
}

async function markLost(
  calls: Calls,
  object: string,
  line: string,
  remedies: ReadonlyMap<string, string>,
): Promise<string> {
  try {
    await calls.ask(MarkLost, { object, reason: `fsck: ${line}`.slice(0, 500) });
  } catch (error) {
    if (isRegistryError(error)) return `it could not be marked lost: ${error.message}`;
    throw error;
  }
  return `marked lost: ${remedies.get(object) ?? 'no image needs it'}`;
}

const heldBack = (spoilt: number, all: number) =>
  `missing: ${spoilt} of ${all} objects are not as they should be, so nothing was marked lost: ` +
  'is this the right store, and is it mounted? If it is: fsck --mark-lost';
