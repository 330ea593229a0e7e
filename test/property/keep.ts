import { BLOBS, childrenOf, IMAGES, type Image, referrersOf } from './images';
import {
  aboveOf,
  keyOf,
  lastUse,
  type Model,
  type Name,
  REPOSITORIES,
  type Repository,
  type Trashed,
  tagsOf,
} from './model';
import { TIMES } from './times';

export interface Root {
  readonly root: 'tag' | 'container' | 'pin' | 'trash' | 'pull';
  readonly name: string | null;
  readonly image: Image;
}

/** The time that metadata was away since then. */
export function awaySince({ absences }: Model, since: number): number {
  return absences.reduce((sum, [from, to]) => sum + Math.max(0, to - Math.max(from, since)), 0);
}

export const pullEnds = (model: Model, used: number) => used + TIMES.pull + awaySince(model, used);

/** Time in which nobody could have had it back is none of its window. */
export const undoEnds = (model: Model, { until }: Pick<Trashed, 'until'>) =>
  until + awaySince(model, until - TIMES.undo);

/** Whether it can be had back. */
export const isOpen = (model: Model, entry: Trashed) => entry.ended === null && undoEnds(model, entry) > model.at;

export const reporterEnds = (model: Model) =>
  model.reporter && model.reporter.reportedAt + model.reporter.leaseMs + awaySince(model, model.reporter.reportedAt);

/** What keeps an image where it is shown, or what it stays for. */
export function rootsOf(model: Model, repository: Repository, image: Image): Root[] {
  return aboveOf(repository, image).flatMap((each) => ownRoots(model, repository, each));
}

function ownRoots(model: Model, repository: Repository, image: Image): Root[] {
  const shown = repository.shown.get(image)!;
  const { name } = repository;
  const there = (each: { repository: Name; image: Image }) => each.repository === name && each.image === image;
  const isPinned = (model.manifestPins.get(keyOf(name, image)) ?? 0) > model.at;
  const used = lastUse(shown);
  const isRecent = used > (shown.removedAt ?? 0) && pullEnds(model, used) > model.at;
  const trashed = model.trash.filter((each) => there(each) && isOpen(model, each));
  return [
    ...tagsOf(repository, image).map((tag) => ({ root: 'tag' as const, name: tag, image })),
    ...model.containers.filter(there).map((each) => ({ root: 'container' as const, name: each.name, image })),
    ...(isPinned ? [{ root: 'pin' as const, name: null, image }] : []),
    ...trashed.map(({ id }) => ({ root: 'trash' as const, name: id, image })),
    ...(isRecent ? [{ root: 'pull' as const, name: null, image }] : []),
  ];
}

/** All that nothing keeps goes, and what it held. */
export function collect(model: Model): void {
  const ends = reporterEnds(model);
  if (ends !== null && ends <= model.at) {
    model.containers = model.containers.filter(({ reported }) => reported === null);
    model.reporter = null;
  }
  for (let goes = true; goes; ) {
    goes = false;
    for (const name of REPOSITORIES) {
      const repository = model.repositories[name];
      const lost = [...repository.shown.keys()].filter((image) => rootsOf(model, repository, image).length === 0);
      for (const image of lost) removeImage(model, repository, image);
      goes ||= lost.length > 0;
    }
  }
}

/** Of these and what hangs below them, what nothing keeps goes at once: somebody asked for that. */
export function collectTree(model: Model, at: readonly { repository: Repository; image: Image }[]): void {
  const queue = at.map(({ repository, image }) => ({ repository: model.repositories[repository.name], image }));
  for (const { repository, image } of queue) {
    if (!repository.shown.has(image) || rootsOf(model, repository, image).length > 0) continue;
    removeImage(model, repository, image);
    for (const each of [...childrenOf(image), ...referrersOf(image)]) queue.push({ repository, image: each });
  }
}

function removeImage(model: Model, repository: Repository, image: Image): void {
  repository.shown.delete(image);
  model.manifestPins.delete(keyOf(repository.name, image));
  for (const each of model.trash) {
    if (each.repository === repository.name && each.image === image && each.ended === null) each.ended = 'gone';
  }
}

/** Blobs that are held by an image that is shown somewhere, or were promised. */
export function keptBlobs(model: Model): string[] {
  const held = REPOSITORIES.flatMap((name) =>
    [...model.repositories[name].shown.keys()].flatMap((each) => BLOBS[each]),
  );
  const promised = [...model.blobPins].flatMap(([key, until]) =>
    until > model.at ? REPOSITORIES.flatMap((name) => blobOf(name, key)) : [],
  );
  return [...new Set([...held, ...promised])].sort();
}

const blobOf = (name: Name, key: string) => (key.startsWith(`${name} `) ? [key.slice(name.length + 1)] : []);

/** When some window ends by itself, whichever it is. */
export function windowEnds(model: Model): number[] {
  const used = REPOSITORIES.flatMap((name) =>
    IMAGES.flatMap((image) => model.repositories[name].shown.get(image) ?? []),
  );
  return [
    ...model.manifestPins.values(),
    ...model.blobPins.values(),
    ...model.trash.map((each) => undoEnds(model, each)),
    ...model.plans.map(({ until }) => until),
    ...used.map((shown) => pullEnds(model, lastUse(shown))),
    ...[reporterEnds(model)].flatMap((end) => end ?? []),
  ];
}
