import fc from 'fast-check';
import { type How, howAsked } from '../how';
import { childrenOf, type Image } from '../images';
import { collectTree } from '../keep';
import {
  type Container,
  closure,
  isPutAway,
  LOCAL,
  type Model,
  namelessTreeOf,
  type Repository,
  shownParents,
  tagsOf,
  takeTag,
} from '../model';
import type { Names } from '../names';
import { anyReference, words } from '../references';
import { type Exact, type Found, findAll, outcomeOf, Refused, readReference } from '../request';
import { requestStep, type Step } from '../step';
import { TIMES } from '../times';
import { isAlive } from './container';

interface Options {
  readonly force: boolean;
  readonly withContainers: boolean;
  readonly withRunning: boolean;
  readonly now: boolean;
}

interface Taken {
  readonly removed: string[];
  readonly containers: string[];
  readonly marked: string[];
  readonly learn: ((trash: readonly string[]) => void) | null;
}

/** What a remove of this name is about: of an id every repository where it is, unless that says not which. */
function chosen(model: Model, reference: Exact, { force, now }: Options): Found[] {
  const all = findAll(model, reference);
  if (all.length === 0) throw new Refused('NOT_FOUND');
  if (reference.by === 'tag') return all;
  const there = now ? all : all.filter(({ repository, image }) => !isPutAway(model, repository, image));
  if (there.length === 0) throw new Refused('NOT_FOUND');
  const names = there.flatMap(({ repository, image }) => tagsOf(repository, image));
  if (reference.by === 'id' && !force && (there.length > 1 || names.length > 1)) throw new Refused('CONFLICT');
  return there;
}

interface Going extends Found {
  readonly tags: readonly string[];
  readonly isLast: boolean;
  readonly containers: readonly Container[];
  readonly deprived: readonly Container[];
}

function plan(model: Model, found: Found, asked: Options): Going {
  const { repository, image } = found;
  const all = tagsOf(repository, image);
  const tags = found.tag === null ? all : [found.tag];
  const parents = shownParents(repository, image).filter(
    (each) => repository.shown.get(each)!.removedAt === null || tagsOf(repository, each).length > 0,
  );
  if (tags.length === 0 && parents.length > 0) throw new Refused('CONFLICT');
  const isLast = parents.length === 0 && all.every((tag) => tags.includes(tag));
  const below = closure([image], (each) => childrenOf(each));
  const uses = (each: Container) => each.repository === repository.name && below.includes(each.image);
  const using = isLast ? model.containers.filter(uses).sort((one, other) => (one.name < other.name ? -1 : 1)) : [];
  const goes = (each: Container) => asked.withContainers && !each.reported && (asked.withRunning || !isAlive(each));
  const deprived = using.filter((each) => !goes(each));
  if (!asked.force && deprived.length > 0) throw new Refused('CONFLICT');
  return { ...found, tags, isLast, containers: using.filter(goes), deprived };
}

/** Every image that goes is looked at after the one before it went; one that cannot go has all of them stay. */
function take(model: Model, names: Names, going: Going, isNow: boolean): Taken {
  const { repository, image, tags, containers } = going;
  for (const tag of tags) takeTag(repository, tag);
  model.containers = model.containers.filter((each) => !containers.includes(each));
  if (going.isLast) release(model, repository, image, isNow);
  const marked = going.deprived.filter((each) => !each.nameless && !hasName(repository, each.image));
  for (const each of marked) each.nameless = true;
  const stored = names.stored(repository.name);
  return {
    removed: [...tags.map((tag) => `${stored}:${tag}`), ...(going.isLast ? [`${stored}@${names.digest(image)}`] : [])],
    containers: containers.map(({ name }) => name),
    marked: marked.map(({ name }) => name),
    learn: repository.isLocal && !isNow ? throwAway(model, going) : null,
  };
}

/**
 * Nobody wants it there any longer, nor what it lists or what refers to it and has no name of its own; it does not stay
 * for its subject.
 */
export function release(model: Model, repository: Repository, image: Image, isNow: boolean): void {
  const tree = namelessTreeOf(repository, image);
  for (const each of tree) repository.shown.get(each)!.removedAt = model.at;
  if (image === 'signature') repository.shown.get(image)!.detached = true;
  if (!isNow) return;
  for (const each of model.trash)
    if (each.repository === repository.name && tree.includes(each.image) && each.ended === null) each.ended = 'gone';
}

/** An index that lists it may have one. */
const hasName = (repository: Repository, image: Image) =>
  closure([image], (each) => shownParents(repository, each)).some((each) => tagsOf(repository, each).length > 0);

function throwAway(model: Model, { repository, image, tags, isLast }: Going): (ids: readonly string[]) => void {
  const entry = { repository: repository.name, image, tags, whole: isLast, until: model.at + TIMES.undo, ended: null };
  const trashed = { ...entry, id: '' };
  model.trash.push(trashed);
  return (ids) => {
    trashed.id = ids.find((id) => !model.trash.some((each) => each.id === id)) ?? '';
  };
}

const options = fc.record({
  force: fc.boolean(),
  withContainers: fc.boolean(),
  withRunning: fc.boolean(),
  now: fc.constantFrom(false, false, true),
});

function removeStep(label: string, choose: (model: Model) => Exact, options: Options, how: How): Step {
  const asked = { ...options, withRunning: options.withRunning && options.withContainers };
  // What is to be confirmed is told to who asks over REST.
  const by = asked.now && how.by === 'message' ? ({ ...how, by: 'a' } as const) : how;
  return requestStep(`${label}${said(asked)}`, by, (model, names) => {
    const reference = choose(model);
    const before = structuredClone(model);
    const learn: ((ids: readonly string[]) => void)[] = [];
    const touched: { repository: Repository; image: Image }[] = [];
    const expected = outcomeOf(() => {
      const all = { removed: [] as string[], containers: [] as string[], marked: [] as string[] };
      for (const found of chosen(model, reference, asked)) {
        const going = plan(model, found, asked);
        const taken = take(model, names, going, asked.now);
        touched.push(going, ...going.containers.map(({ image }) => ({ repository: going.repository, image })));
        all.removed.push(...taken.removed);
        all.containers.push(...taken.containers);
        all.marked.push(...taken.marked);
        if (taken.learn) learn.push(taken.learn);
      }
      return all;
    });
    if (expected.state === 'failed') Object.assign(model, before);
    else if (asked.now) collectTree(model, touched);
    return {
      kind: 'remove',
      body: { reference: names.text(reference), ...asked },
      expected,
      learn: ({ trash }) => {
        for (const each of learn) each((trash as string[] | undefined) ?? []);
      },
    };
  });
}

export const remove: fc.Arbitrary<Step> = fc
  .tuple(anyReference, options, howAsked('remove'))
  .map(([reference, asked, how]) =>
    removeStep(`remove ${words(reference)}`, (model) => readReference(model, reference), asked, how),
  );

/** What has a name of ours can be had back. */
export const removeOwn: fc.Arbitrary<Step> = fc.tuple(fc.nat(3), options, howAsked('remove')).map(([nth, asked, how]) =>
  removeStep(
    `remove the ${nth}th name of our own`,
    ({ repositories }) => {
      const own = LOCAL.flatMap((name) =>
        [...repositories[name].tags.keys()].map((tag) => ({ repository: name, tag })),
      );
      return { by: 'tag', ...(own[nth % Math.max(1, own.length)] ?? NAMELESS) };
    },
    asked,
    how,
  ),
);

/** What a container uses loses its names, or is refused. */
export const removeUsed: fc.Arbitrary<Step> = fc
  .tuple(fc.nat(4), options, howAsked('remove'))
  .map(([nth, asked, how]) =>
    removeStep(
      `remove what the ${nth}th container uses`,
      ({ containers }) => {
        const { repository, image } = containers[nth % Math.max(1, containers.length)] ?? NOTHING;
        return { by: 'digest', repository, image };
      },
      asked,
      how,
    ),
  );

const NAMELESS = { repository: LOCAL[0], tag: '1' } as const;
const NOTHING = { repository: LOCAL[0], image: 'amd' } as const;

function said(asked: Options): string {
  return Object.entries(asked)
    .flatMap(([name, is]) => (is ? [` ${name}`] : []))
    .join('');
}
