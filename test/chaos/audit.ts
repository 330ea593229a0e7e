import { ListObjects } from '#contracts/calls/collection';
import { ListDeadLetters } from '#contracts/calls/dead-letters';
import { type Operation, UNLISTED_KIND } from '#contracts/operation';
import { eventually } from '#testing/eventually';
import { type ReadFact, readFacts } from '#testing/read-facts';
import { type Lane, parts } from './lane';
import type { Stage } from './stage';

const QUIET_WITHIN_MS = 180_000;

/** Waits until nothing is under way: no operation, no bytes on their way in or out, no fact that was not told. */
export async function untilQuiet(stage: Stage, lanes: readonly Lane[]): Promise<void> {
  const within = { withinMs: QUIET_WITHIN_MS, everyMs: 500 };
  const open = async (state: string) =>
    (await stage.warehouse.ask('GET', `/api/v1/operations?state=${state}&limit=1000`)).json as Operation[];
  const isOver = async () => {
    const left = [...(await open('accepted')), ...(await open('running'))];
    if (left.length > 0) throw new Error(JSON.stringify(left));
    return true;
  };
  await eventually('every accepted operation ends', isOver, within);
  await eventually('nothing is on its way in or out', async () => isSettled(stage), within);
  const told = lanes.flatMap(({ ledger }) => ledger.ended.map(({ operation }) => operation.id));
  const isTold = async () => {
    const facts = await readFacts(stage.warehouse.natsUrl, 0);
    const ended = new Set(facts.filter(isEnd).map(({ data }) => data.operation));
    return told.every((id) => ended.has(id));
  };
  await eventually('every end was told', isTold, within);
}

async function isSettled(stage: Stage): Promise<boolean> {
  const moving: unknown[] = [];
  await stage.call(async (calls) => {
    for (let after: string | undefined; ; ) {
      const { objects, next } = await calls.ask(ListObjects, { limit: 1000, ...(after ? { after } : {}) });
      moving.push(...objects.filter(({ state }) => state !== 'live'));
      if (next === null) return;
      after = next;
    }
  });
  if (moving.length > 0) throw new Error(JSON.stringify(moving.slice(0, 5)));
  return true;
}

/** A key that was put by who died before its row was committed. */
const LEFT_BEHIND = /^orphan: \S+ \(\d+ bytes\): object \S+ is live and names no such extent; dropped$/;
const TYPE = /^dev\.entrepot\.fact\.(.+)\.v1$/;
const verb = ({ type }: ReadFact) => TYPE.exec(type)?.[1] ?? type;
const isEnd = (fact: ReadFact) =>
  ['operation.completed', 'operation.failed', 'operation.cancelled'].includes(verb(fact));

/** What was acknowledged is so. Gives what is not, in lines. */
export async function audit(stage: Stage, lanes: readonly Lane[]): Promise<string[]> {
  const faults: string[] = [];
  const tell = async (what: string, run: () => Promise<string[] | undefined>) => {
    try {
      faults.push(...((await run()) ?? []));
    } catch (error) {
      faults.push(`${what}: ${(error as Error).message}`);
    }
  };
  await tell('fsck --repair', () => reconcile(stage));
  await tell('fsck', () => stage.warehouse.fsck());
  await tell('dead letters', async () => {
    const { letters } = await stage.call((calls) => calls.ask(ListDeadLetters, { limit: 100 }));
    return letters.map((letter) => `a dead letter: ${JSON.stringify(letter)}`);
  });
  await tell('facts', async () => checkFacts(await readFacts(stage.warehouse.natsUrl, 0), lanes));
  await tell('requests', () => checkRequests(stage, lanes));
  for (const lane of lanes) await tell(lane.name, () => checkLedger(lane));
  return faults;
}

/**
 * The store is promised to hold what rows name and nothing else once it was reconciled: of keys whose writer died nobody
 * else can know. So that is done first, and whatever else it finds is a fault, mended or not.
 */
async function reconcile({ warehouse }: Stage): Promise<string[]> {
  return (await warehouse.fsck('--repair')).filter((line) => !LEFT_BEHIND.test(line));
}

/** Each once, and those of one aggregate in the order of its revisions. */
export function checkOrder(facts: readonly ReadFact[]): string[] {
  const faults: string[] = [];
  const ids = new Set<string>();
  const revisions = new Map<string, bigint>();
  for (const fact of facts) {
    if (ids.has(fact.id)) faults.push(`fact ${fact.id} (${fact.type}) was stored twice`);
    ids.add(fact.id);
    const before = revisions.get(fact.subject);
    if (before !== undefined && BigInt(fact.revision) < before)
      faults.push(`${fact.type} of ${fact.subject}: revision ${fact.revision} came after ${before}`);
    revisions.set(fact.subject, BigInt(fact.revision));
  }
  return faults;
}

/** In order, and of each operation that it was accepted, then its end. */
function checkFacts(facts: readonly ReadFact[], lanes: readonly Lane[]): string[] {
  const faults = checkOrder(facts);
  const ofOperation = new Map<string, string[]>();
  for (const fact of facts) {
    const { operation } = fact.data;
    if (operation !== undefined && verb(fact).startsWith('operation.'))
      ofOperation.set(operation, [...(ofOperation.get(operation) ?? []), verb(fact)]);
  }
  for (const { operation, key } of lanes.flatMap(({ ledger }) => ledger.ended)) {
    const said = ofOperation.get(operation.id)?.join();
    const wanted = `operation.accepted,operation.${operation.state}`;
    if (said !== wanted) faults.push(`of ${key} (${operation.id}) was said: ${said}, not ${wanted}`);
  }
  return faults;
}

/** One operation for each request, as it was acknowledged, and none that nobody asked for. */
async function checkRequests(stage: Stage, lanes: readonly Lane[]): Promise<string[]> {
  const faults: string[] = [];
  const made = new Map<string, Operation[]>();
  for (const operation of await allOperations(stage))
    made.set(operation.requestId, [...(made.get(operation.requestId) ?? []), operation]);
  for (const { kind, key, operation } of lanes.flatMap(({ ledger }) => ledger.ended)) {
    const [now, ...others] = made.get(key) ?? [];
    made.delete(key);
    if (now?.id !== operation.id || others.length > 0)
      faults.push(`${kind} ${key} was acknowledged as ${operation.id}, and made ${JSON.stringify([now, ...others])}`);
    else if (now.state !== operation.state || JSON.stringify(now.outcome) !== JSON.stringify(operation.outcome))
      faults.push(`${kind} ${key} was said to be ${operation.state}, and is ${now.state}: ${JSON.stringify(now)}`);
  }
  // Whoever was told what must not be may have asked for more than was written down.
  const told = lanes.filter(({ fault }) => fault === undefined).map(({ name }) => `${name}-`);
  for (const [key, operations] of made)
    if (told.some((name) => key.startsWith(name))) faults.push(`nobody was told of ${JSON.stringify(operations)}`);
  return faults;
}

/** Those of the kind that is listed only where it is asked for, too. */
async function allOperations({ warehouse }: Stage): Promise<Operation[]> {
  const all: Operation[] = [];
  for (const more of ['', `&kind=${UNLISTED_KIND}`]) {
    for (let path: string | undefined = `/api/v1/operations?limit=1000${more}`; path; ) {
      const { status, json, text, headers } = await warehouse.ask('GET', path);
      if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
      all.push(...(json as Operation[]));
      path = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
    }
  }
  return all;
}

/** Names, images and containers of one client, byte for byte; what was removed comes back. */
async function checkLedger(lane: Lane): Promise<string[]> {
  const { ledger, client } = lane;
  const faults: string[] = [];
  const tell = async (run: () => Promise<void>) => {
    await run().catch((error: unknown) => faults.push(`${lane.name}: ${(error as Error).message}`));
  };
  for (const [name, image] of ledger.tags) {
    const { repository, tag } = parts(name);
    if (image) await tell(() => lane.reads(repository, tag, image));
    else
      await tell(async () => {
        const { status } = await client.ask('GET', `/v2/${repository}/manifests/${tag}`);
        if (status !== 404) throw new Error(`${name} was taken away, and is answered with ${status}`);
      });
  }
  const listed = await client.get<{ name: string; image: { digest: string } }[]>('/api/v1/containers?limit=1000');
  for (const [name, { image, repository }] of [...ledger.containers, ...ledger.reported]) {
    const found = listed.filter((each) => each.name === name);
    if (found.length !== 1 || found[0]!.image.digest !== image.digest)
      faults.push(`${lane.name}: container ${name} of ${image.digest} is ${JSON.stringify(found)}`);
    await tell(() => lane.reads(repository, image.digest, image));
  }
  const known = new Set([...ledger.containers.keys(), ...ledger.reported.keys()]);
  for (const { name } of listed)
    if ((name.startsWith(`${lane.name}.`) || name.startsWith(`${lane.name}/`)) && !known.has(name))
      faults.push(`${lane.name}: container ${name} is there, and was removed or never asked for`);
  for (const [id, { name, image }] of ledger.trash) {
    if (ledger.tags.get(name)) continue;
    await tell(async () => {
      await lane.does('restore', { id }, { digest: image.digest });
      ledger.tags.set(name, image);
      const { repository, tag } = parts(name);
      await lane.reads(repository, tag, image);
    });
  }
  return faults;
}
