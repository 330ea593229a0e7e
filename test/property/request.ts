import type { OperationKind } from '#contracts/operation';
import type { Image } from './images';
import { isOpen } from './keep';
import { closure, isPutAway, type Model, type Name, REPOSITORIES, type Repository, shownParents } from './model';

/** How a request names an image. An `id` is a whole digest in no repository. */
export type Exact =
  | ExactTag
  | { readonly by: 'digest'; readonly repository: Name; readonly image: Image }
  | { readonly by: 'id'; readonly image: Image };

export interface ExactTag {
  readonly by: 'tag';
  readonly repository: Name;
  readonly tag: string;
}

/** The n-th of what is there at that moment, or else what is said. */
export type Reference = { readonly nth: number | null; readonly else: Exact };
export type TagReference = { readonly nth: number | null; readonly else: ExactTag };

export interface Found {
  readonly repository: Repository;
  readonly image: Image;
  readonly tag: string | null;
}

/** What should come of a request. */
export type Outcome =
  | { readonly state: 'completed'; readonly outcome?: Readonly<Record<string, unknown>> }
  | { readonly state: 'failed'; readonly code: string; readonly why?: string | undefined };

export interface Told {
  readonly kind: OperationKind;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expected: Outcome;
  /** What only the service can say, ids that is, is learnt from its outcome. */
  readonly learn?: (outcome: Readonly<Record<string, unknown>>) => void;
}

export class Refused extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** What a model does with a request: its outcome, or the code that it is refused with. */
export function outcomeOf(act: () => Readonly<Record<string, unknown>> | undefined): Outcome {
  try {
    const outcome = act();
    return outcome === undefined ? { state: 'completed' } : { state: 'completed', outcome };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { state: 'failed', code: error.code };
  }
}

/** In the order of the names that they have at the service. */
export const inOrder = (model: Model): Repository[] => REPOSITORIES.map((name) => model.repositories[name]);

export function readTag(model: Model, { nth, else: other }: TagReference): ExactTag {
  const there = inOrder(model).flatMap(({ name, tags }) => [...tags.keys()].map((tag) => ({ repository: name, tag })));
  const chosen = nth === null ? undefined : there[nth % Math.max(1, there.length)];
  return chosen ? { by: 'tag', ...chosen } : other;
}

/** A name that was removed, can come back, and is nobody's meanwhile. */
export function readFreed(model: Model, { nth, else: other }: TagReference): ExactTag {
  const freed = model.trash.flatMap((entry) =>
    isOpen(model, entry) ? entry.tags.map((tag) => ({ repository: entry.repository, tag })) : [],
  );
  const free = freed.filter(({ repository, tag }) => !model.repositories[repository].tags.has(tag));
  const chosen = nth === null ? undefined : free[nth % Math.max(1, free.length)];
  return chosen ? { by: 'tag', ...chosen } : other;
}

/** What is there is named in the same way. */
export function readReference(model: Model, { nth, else: other }: Reference): Exact {
  if (other.by === 'tag') return readTag(model, { nth, else: other });
  const there = inOrder(model).flatMap(({ name, shown }) =>
    [...shown.keys()].map((image) => ({ repository: name, image })),
  );
  const chosen = nth === null ? undefined : there[nth % Math.max(1, there.length)];
  return chosen ? { ...other, ...chosen } : other;
}

/** Every repository where it is, for an id; one or none for a name. */
export function findAll(model: Model, reference: Exact): Found[] {
  if (reference.by === 'id') {
    const there = inOrder(model).filter(({ shown }) => shown.has(reference.image));
    return there.map((repository) => ({ repository, image: reference.image, tag: null }));
  }
  const repository = model.repositories[reference.repository];
  if (reference.by === 'digest')
    return repository.shown.has(reference.image) ? [{ repository, image: reference.image, tag: null }] : [];
  const image = repository.tags.get(reference.tag);
  return image ? [{ repository, image, tag: reference.tag }] : [];
}

export function find(model: Model, reference: Exact): Found {
  const [found] = findAll(model, reference);
  if (!found) throw new Refused('NOT_FOUND');
  return found;
}

/** What can be used: what was removed and waits to go is not there. */
export function findUsable(model: Model, reference: Exact): Found | undefined {
  return findAll(model, reference).find(
    ({ repository, image, tag }) => tag !== null || !isPutAway(model, repository, image),
  );
}

/** An image with the indexes above it that a repository shows. */
export const withParents = (repository: Repository, image: Image) =>
  closure([image], (each) => shownParents(repository, each));
