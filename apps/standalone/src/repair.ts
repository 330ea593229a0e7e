import type { Calls } from '#calls/calls';
import { DropStrays, JudgeStore, QuarantineObject } from '#contracts/calls/blobs';
import { FindHolders } from '#contracts/calls/collection';
import { MarkLost } from '#contracts/calls/sessions';
import type { AnswerOf } from '#contracts/define-call';
import { parseDigest } from '#oci/digest';
import { isRegistryError } from '#oci/registry-error';
import type { Fault, ObjectRow } from './compare-store';
import { type Findings, MOST_FAULTS } from './findings';

/** More than this share of more than so many objects is no accident of some files, but another or an empty store. */
const MOST_SHARE = 0.5;
const FEW = 10;
const PAGE = 100;

export interface RepairOptions {
  /** Believe what is found however much it is. */
  readonly force?: boolean;
  /** Bring back what is lost where an upstream has it, and drop what nothing refers to. */
  readonly repair?: boolean;
}

type Holder = AnswerOf<typeof FindHolders>['holders'][number];

/**
 * Every fault's line, with what was done about it, or what mends it; beside them what was lost earlier and is held by a
 * manifest still. What is spoilt is reported lost by its id, and wrong bytes are kept aside before: always. Where it is
 * asked for, what an upstream gave is fetched again, and what nothing refers to is dropped. Where most of the store is
 * not as it should be, or it never had this database's journal, nothing is done unless forced: what is lost never comes
 * back, and a store that is not mounted does.
 */
export async function repair(calls: Calls, findings: Findings, options: RepairOptions): Promise<Fault[]> {
  const { faults, wanted, spoilt, finished } = findings;
  const doubt = options.force || spoilt === 0 ? null : await doubtOf(calls, findings);
  const mender = new Mender(calls, await findRemedies(calls, wanted), options.repair ?? false);
  const said: Fault[] = [];
  for (const fault of faults) said.push({ ...fault, line: await mendOne(fault, mender, doubt !== null, findings) });
  for (const row of wanted) {
    const line = await mender.remindOf(row);
    if (line !== null) said.push({ line, spoilt: row.object });
  }
  if (findings.more > 0)
    said.push({ line: `more: ${findings.more} faults beyond these ${MOST_FAULTS}: mend these first, and look again` });
  if (doubt !== null)
    said.push({
      line: `missing: ${spoilt} of ${finished} objects are not as they should be, so nothing was marked lost: ${doubt}`,
    });
  return said;
}

/** Why what was found may say more of the store than of the objects; null where nothing does. */
async function doubtOf(calls: Calls, { spoilt, finished }: Findings): Promise<string | null> {
  if (spoilt > FEW && spoilt > finished * MOST_SHARE)
    return 'is this the right store, and is it mounted? If it is: fsck --mark-lost';
  const { fault } = await calls.ask(JudgeStore, {});
  return fault && `${fault}. If it is: fsck --mark-lost`;
}

async function mendOne(fault: Fault, mender: Mender, isAnother: boolean, findings: Findings): Promise<string> {
  const { line, spoilt, stray } = fault;
  if (spoilt !== undefined && !isAnother) return `${line}; ${await mender.lose(spoilt, line)}`;
  if (stray !== undefined && mender.repairs) return `${line}; ${await mender.drop(stray, findings)}`;
  const isLeft = mender.repairs && spoilt === undefined && !line.startsWith('stream: ');
  return isLeft ? `${line}; left: ${whyLeft(line)}` : line;
}

/** What mends the others, in the words of their first one. */
function whyLeft(line: string): string {
  if (line.startsWith('orphan: ')) return 'it is not one of ours: remove it by hand';
  if (line.startsWith('session: ')) return 'the collector ends it in its next round';
  if (line.startsWith('stuck: ')) return 'whoever is to do it must run, and reach what it needs';
  return 'nothing mends it without a person who looks at it';
}

class Mender {
  private readonly dropped = new Map<string, string>();

  constructor(
    private readonly calls: Calls,
    private readonly remedies: ReadonlyMap<string, string>,
    readonly repairs: boolean,
  ) {}

  /** Wrong bytes are given to nobody any more, also where they cannot be kept aside: on a full store, say. */
  async lose(object: string, line: string): Promise<string> {
    const kept = await this.keepAside(object, line);
    try {
      const reason = `fsck: ${line}`.slice(0, 500);
      const { refetching } = await this.calls.ask(MarkLost, { object, reason, refetch: this.repairs });
      return `${kept}marked lost: ${this.whatBringsIt(object, refetching)}`;
    } catch (error) {
      if (isRegistryError(error)) return `${kept}it could not be marked lost: ${error.message}`;
      throw error;
    }
  }

  /** Nothing is said where there are no bytes to keep. */
  private async keepAside(object: string, line: string): Promise<string> {
    if (!/^(digest|size): /.test(line) || line.includes('unreadable: ')) return '';
    try {
      await this.calls.ask(QuarantineObject, { object });
      return 'kept in quarantine; ';
    } catch (error) {
      if (isRegistryError(error)) return `not kept in quarantine (${error.message}); `;
      throw error;
    }
  }

  /** What was lost before and is missed still; null for what is neither. */
  async remindOf({ object, digest, lost }: ObjectRow): Promise<string | null> {
    const remedy = this.remedies.get(object);
    if (!lost || remedy === undefined) return null;
    const line = `lost: object ${object} (${digest}) is without its bytes`;
    if (!this.repairs) return `${line}; ${remedy}`;
    const { refetching } = await this.calls.ask(MarkLost, { object, reason: 'fsck --repair', refetch: true });
    return `${line}; ${this.whatBringsIt(object, refetching)}`;
  }

  /** Each object's once, however many keys are named. */
  async drop(object: string, { strays, stored }: Findings): Promise<string> {
    if (strays > FEW && strays > stored * MOST_SHARE)
      return 'left: most of the store is unknown: is this the right database?';
    const known = this.dropped.get(object);
    if (known !== undefined) return known;
    const said = await this.dropOnce(object);
    this.dropped.set(object, said);
    return said;
  }

  private async dropOnce(object: string): Promise<string> {
    try {
      const { left } = await this.calls.ask(DropStrays, { object });
      return left === null ? 'dropped' : `left: ${left}`;
    } catch (error) {
      if (isRegistryError(error)) return `left: ${error.message}`;
      throw error;
    }
  }

  private whatBringsIt(object: string, refetching: string | null): string {
    if (refetching !== null) return `it is fetched again from ${refetching}`;
    return this.remedies.get(object) ?? 'no image needs it';
  }
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
