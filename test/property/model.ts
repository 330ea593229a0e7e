import type { ContainerState } from '#contracts/bodies/container';
import { childrenOf, type Image, parentsOf, referrersOf, SUBJECT } from './images';

/** Two of an upstream, then two of our own. */
export const REPOSITORIES = ['upstream one', 'upstream two', 'local one', 'local two'] as const;
export type Name = (typeof REPOSITORIES)[number];
export const LOCAL: readonly [Name, ...Name[]] = ['local one', 'local two'];
export const TAGS = ['1', '2'] as const;

/** An image that a repository shows. Times are milliseconds since 1970, by the moved clock. */
export interface Shown {
  committedAt: number;
  pulledAt: number | null;
  removedAt: number | null;
  /** Removed by itself: its subject does not keep it. */
  detached: boolean;
}

export interface Move {
  readonly tag: string;
  readonly from: Image | null;
  readonly to: Image | null;
}

export interface Repository {
  readonly name: Name;
  readonly isLocal: boolean;
  readonly shown: Map<Image, Shown>;
  readonly tags: Map<string, Image>;
  /** The newest last. */
  readonly moves: Move[];
}

export interface Container {
  name: string;
  repository: Name;
  image: Image;
  tag: string | null;
  readonly manifest: Image | null;
  state: ContainerState;
  exitCode: number | null;
  /** Its image's last name was taken away by force. */
  nameless: boolean;
  readonly reported: { readonly id: string; readonly said: string } | null;
}

export interface Reporter {
  readonly holder: string;
  readonly leaseMs: number;
  readonly reportedAt: number;
}

export interface Trashed {
  /** As the service named it. */
  id: string;
  readonly repository: Name;
  readonly image: Image;
  readonly tags: readonly string[];
  readonly whole: boolean;
  readonly until: number;
  ended: 'restored' | 'gone' | null;
}

export interface PlanItem {
  readonly repository: Name;
  readonly image: Image;
  readonly tags: readonly string[];
  readonly usedAt: number;
  state: 'planned' | 'removed' | 'left';
}

export interface Filters {
  readonly unused: boolean;
  readonly untilMs: number | null;
  readonly repository: Name | null;
}

export interface Plan {
  id: string;
  readonly filters: Filters;
  readonly items: readonly PlanItem[];
  readonly kept: Readonly<Record<string, number>>;
  readonly seen: number;
  readonly until: number;
  applied: boolean;
}

/** What there should be. */
export interface Model {
  readonly repositories: Readonly<Record<Name, Repository>>;
  readonly upstreamTags: Map<string, Image>;
  containers: Container[];
  reporter: Reporter | null;
  trash: Trashed[];
  plans: Plan[];
  /** Until when what was said to be there stays: `<repository> <image>`, and `<repository> <blob>`. */
  readonly manifestPins: Map<string, number>;
  readonly blobPins: Map<string, number>;
  /** When metadata was away, from and to. */
  readonly absences: (readonly [number, number])[];
  at: number;
}

export function emptyModel(): Model {
  const repository = (name: Name): Repository => ({
    name,
    isLocal: LOCAL.includes(name),
    shown: new Map(),
    tags: new Map(),
    moves: [],
  });
  return {
    repositories: Object.fromEntries(REPOSITORIES.map((name) => [name, repository(name)])) as Record<Name, Repository>,
    upstreamTags: new Map(),
    containers: [],
    reporter: null,
    trash: [],
    plans: [],
    manifestPins: new Map(),
    blobPins: new Map(),
    absences: [],
    at: 0,
  };
}

export const keyOf = (repository: Name, what: string) => `${repository} ${what}`;

export function tagsOf({ tags }: Repository, image: Image): string[] {
  return [...tags].flatMap(([tag, named]) => (named === image ? [tag] : [])).sort();
}

/** Indexes that list it there. */
export const shownParents = ({ shown }: Repository, image: Image) => parentsOf(image).filter((each) => shown.has(each));
export const shownChildren = ({ shown }: Repository, image: Image) =>
  childrenOf(image).filter((each) => shown.has(each));

/** An image and whatever each step leads to, each once. */
export function closure(start: readonly Image[], next: (image: Image) => readonly Image[]): Image[] {
  const all = new Set(start);
  for (const image of all) for (const each of next(image)) all.add(each);
  return [...all];
}

/** An image, what it lists and what refers to it, as far as it is shown. */
export const treeOf = (repository: Repository, image: Image) =>
  closure([image], (each) => [...childrenOf(each), ...referrersOf(each)].filter((one) => repository.shown.has(one)));

/** As far as it has no name of its own: what somebody named goes with nothing else. */
export const namelessTreeOf = (repository: Repository, image: Image) =>
  closure([image], (each) =>
    [...childrenOf(each), ...referrersOf(each)].filter(
      (one) => repository.shown.has(one) && tagsOf(repository, one).length === 0,
    ),
  );

/** An image, and all that it stays for. */
export const aboveOf = (repository: Repository, image: Image) =>
  closure([image], (each) => {
    const subject = SUBJECT[each];
    const attached = subject && repository.shown.has(subject) && !repository.shown.get(each)!.detached;
    return [...shownParents(repository, each), ...(attached ? [subject] : [])];
  });

/** Has a tag name an image that is shown. Whoever gives an image a name wants it: it is removed no more. */
export function moveTag(model: Model, repository: Repository, tag: string, image: Image): void {
  const from = repository.tags.get(tag) ?? null;
  if (from === image) return;
  repository.tags.set(tag, image);
  repository.moves.push({ tag, from, to: image });
  keepAgain(model, repository, image);
}

export function takeTag({ tags, moves }: Repository, tag: string): void {
  moves.push({ tag, from: tags.get(tag) ?? null, to: null });
  tags.delete(tag);
}

/** It is kept as if nobody had asked for it to go, and what was removed by itself stays so. */
export function keepAgain(model: Model, repository: Repository, image: Image): void {
  const tree = treeOf(repository, image);
  for (const each of tree) {
    const shown = repository.shown.get(each)!;
    if (each !== image && shown.detached) continue;
    shown.removedAt = null;
    shown.detached = false;
  }
  for (const container of model.containers) {
    if (container.repository === repository.name && tree.includes(container.image)) container.nameless = false;
  }
}

export const lastUse = ({ committedAt, pulledAt }: Shown) => Math.max(committedAt, pulledAt ?? 0);

/** Somebody asked for it to go, and nothing names, uses or pulled it since. */
export function isPutAway(model: Model, repository: Repository, image: Image): boolean {
  const shown = repository.shown.get(image)!;
  const used = model.containers.some((each) => each.repository === repository.name && each.image === image);
  return shown.removedAt !== null && lastUse(shown) <= shown.removedAt && !tagsOf(repository, image).length && !used;
}

/** Whether a list of images has it. */
export function isListed(repository: Repository, image: Image): boolean {
  if (tagsOf(repository, image).length > 0) return true;
  const { removedAt, pulledAt } = repository.shown.get(image)!;
  const wanted = removedAt === null || (pulledAt ?? 0) > removedAt;
  return wanted && SUBJECT[image] === undefined && shownParents(repository, image).length === 0;
}
