import { Broken } from './client';
import type { Image } from './contents';
import { type Action, type Lane, parts } from './lane';

const TAGS = ['1', '2', '3'] as const;
const REPOSITORIES = ['app', 'tools', 'base'] as const;

/** A name at the upstream that has an image which nobody has asked for yet. */
function offer(lane: Lane): { path: string; tag: string; image: Image } {
  const { random, name, around } = lane;
  const path = `${name}/${random.pick(REPOSITORIES)}`;
  const tag = random.pick(TAGS);
  const image = around.contents.make(random, path);
  around.contents.offer(path, tag, image);
  return { path, tag, image };
}

async function pull(lane: Lane): Promise<void> {
  const { path, tag, image } = offer(lane);
  const { reference, stored } = lane.upstreamRepository(path);
  await lane.does('pull', { reference: `${reference}:${tag}` });
  lane.ledger.tags.set(`${stored}:${tag}`, image);
}

/** What nobody asked for by message is fetched while it is read; its name is new, so no older answer may be given. */
async function readCold(lane: Lane): Promise<void> {
  const { random, name, around } = lane;
  const path = `${name}/cold-${lane.steps}`;
  const image = around.contents.make(random, path);
  around.contents.offer(path, '1', image);
  const { stored } = lane.upstreamRepository(path);
  await lane.reads(stored, '1', image);
  lane.ledger.tags.set(`${stored}:1`, image);
}

async function readWarm(lane: Lane): Promise<void> {
  const { named } = lane.ledger;
  if (named.length === 0) return;
  const [name, image] = lane.random.pick(named);
  const { repository, tag } = parts(name);
  await lane.reads(repository, tag, image);
}

/** The same image as everybody else, who may be about to have it fetched. */
async function readPopular(lane: Lane): Promise<void> {
  const { path, image } = lane.random.pick(lane.around.popular);
  await lane.reads(lane.upstreamRepository(path).stored, '1', image);
}

async function tag(lane: Lane): Promise<void> {
  const { ledger, random, name } = lane;
  if (ledger.named.length === 0) return;
  const [source, image] = random.pick(ledger.named);
  const target = `${name}/${random.pick(REPOSITORIES)}:${random.pick(TAGS)}`;
  if (target === source) return;
  const before = ledger.tags.get(target)?.digest ?? null;
  const body = { source: lane.typed(source), target: lane.typed(target) };
  await lane.does('tag', body, { from: before, to: image.digest });
  ledger.tags.set(target, image);
}

/** A name of our own, which no container needs. */
function ownName(lane: Lane): [name: string, image: Image] | undefined {
  const { ledger, random } = lane;
  const own = ledger.named.filter(([name, image]) => {
    const { repository } = parts(name);
    return lane.isLocal(repository) && !ledger.uses(repository, image);
  });
  return own.length === 0 ? undefined : random.pick(own);
}

async function untag(lane: Lane): Promise<void> {
  const own = ownName(lane);
  if (!own) return;
  const [name, image] = own;
  await lane.does('untag', { reference: lane.typed(name) }, { from: image.digest, to: null });
  await isGone(lane, name);
}

async function remove(lane: Lane): Promise<void> {
  const own = ownName(lane);
  if (!own) return;
  const [name, image] = own;
  const { trash } = await lane.does('remove', { reference: lane.typed(name) });
  const [id] = (trash as string[] | undefined) ?? [];
  if (id === undefined) throw new Broken(`${name} was removed and is not in the trash`);
  lane.ledger.trash.set(id, { name, image });
  await isGone(lane, name);
}

/** Whoever was told that a name is gone is told so by everybody. */
async function isGone(lane: Lane, name: string): Promise<void> {
  lane.ledger.tags.set(name, null);
  const { repository, tag: gone } = parts(name);
  for (const _gateway of lane.around.stage.urls) {
    const { status } = await lane.client.ask('GET', `/v2/${repository}/manifests/${gone}`);
    if (status !== 404) throw new Broken(`${name} was taken away, and is answered with ${status}`);
  }
}

async function restore(lane: Lane): Promise<void> {
  const { ledger, random } = lane;
  const free = [...ledger.trash].filter(([, { name }]) => !ledger.tags.get(name));
  if (free.length === 0) return;
  const [id, { name, image }] = random.pick(free);
  await lane.does('restore', { id }, { digest: image.digest });
  ledger.trash.delete(id);
  ledger.tags.set(name, image);
}

/** What was pulled goes, with the bytes that nobody else has: it can be pulled again. */
async function removePulled(lane: Lane): Promise<void> {
  const { ledger, random } = lane;
  const pulled = ledger.named.filter(([name, image]) => {
    const { repository } = parts(name);
    return !lane.isLocal(repository) && !ledger.uses(repository, image);
  });
  if (pulled.length === 0) return;
  const [name] = random.pick(pulled);
  await lane.does('remove', { references: [lane.typed(name)] }, { leftCount: 0 });
  ledger.tags.delete(name);
}

async function create(lane: Lane): Promise<void> {
  const { ledger, random } = lane;
  if (ledger.named.length === 0) return;
  const [source, image] = random.pick(ledger.named);
  const container = `${lane.name}.${lane.steps}`;
  const expected = { name: container, digest: image.digest };
  await lane.does('container-create', { image: lane.typed(source), name: container }, expected);
  ledger.containers.set(container, { image, repository: parts(source).repository });
}

async function removeContainer(lane: Lane): Promise<void> {
  const { ledger, random } = lane;
  if (ledger.containers.size === 0) return;
  const container = random.pick([...ledger.containers.keys()]);
  await lane.does('container-remove', { container, force: true }, { name: container });
  ledger.containers.delete(container);
}

async function report(lane: Lane): Promise<void> {
  const { ledger, random, name, steps } = lane;
  const local = ledger.named.filter(([each]) => lane.isLocal(parts(each).repository)).slice(0, 3);
  const containers = local.map(([each, { digest }], nth) => ({
    ...{ id: `${nth}`, name: `c${nth}`, image: lane.typed(each), digest, state: 'running' },
  }));
  const body = { reporter: name, holder: name, sequence: 2 * steps, leaseSeconds: 7200, containers };
  await lane.does('container-report', body, { unknownCount: 0 });
  ledger.reported = new Map(
    local.map(([each, image], nth) => [`${name}/c${nth}`, { image, repository: parts(each).repository }]),
  );
  // Most of the time nothing of it stays in use.
  if (random.chance(0.3)) return;
  await lane.does('container-report', { ...body, sequence: 2 * steps + 1, containers: [] });
  ledger.reported = new Map();
}

async function prune(lane: Lane): Promise<void> {
  await lane.does('prune', { repository: `${lane.name}/**`, share: 100, dryRun: lane.random.chance(0.5) });
}

/** What was tagged is listed. */
async function list(lane: Lane): Promise<void> {
  const { ledger, random, name } = lane;
  const repository = `${name}/${random.pick(REPOSITORIES)}`;
  const images = await lane.client.get<{ digest: string; tags: string[] }[]>(
    `/api/v1/images?limit=1000&repository=${encodeURIComponent(repository)}`,
  );
  for (const [each, { digest }] of ledger.named) {
    const { repository: of, tag: wanted } = parts(each);
    if (of !== repository) continue;
    if (!images.some((image) => image.digest === digest && image.tags.includes(wanted)))
      throw new Broken(`${each} was acknowledged as ${digest}, and the list has ${JSON.stringify(images)}`);
  }
}

const action = (run: Action['run']): Action => ({ label: run.name, run });

export const ACTIONS: readonly (readonly [weight: number, Action])[] = [
  [10, action(pull)],
  [5, action(readCold)],
  [6, action(readWarm)],
  [2, action(readPopular)],
  [12, action(tag)],
  [4, action(untag)],
  [5, action(remove)],
  [5, action(restore)],
  [4, action(removePulled)],
  [4, action(create)],
  [3, action(removeContainer)],
  [2, action(report)],
  [1, action(prune)],
  [3, action(list)],
];
