import { conflict } from '#oci/registry-error';

/** How an image stands in its repository, read while it is locked. */
export interface StandingImage {
  readonly repository: string;
  readonly digest: string;
  readonly isLocal: boolean;
  /** Every tag that names it. */
  readonly tags: readonly string[];
  /** What the asked tag names now; null where it is gone, undefined where no tag was asked for. */
  readonly tagNames: string | null | undefined;
  /** Names of the containers that use it, or an image of it. */
  readonly containers: readonly string[];
  /** Indexes of this repository that list it. */
  readonly parents: readonly string[];
}

export interface AskedRemoval {
  readonly tag: string | null;
  readonly force: boolean;
  /** Skip the review delay and the undo window. */
  readonly now: boolean;
}

export interface RemovalPlan {
  /** Which names go. */
  readonly tags: readonly string[];
  /** No name is left: the image is on its way out. */
  readonly losesLastName: boolean;
  /** Names of the containers whose image loses its name: they are marked, and keep its content. */
  readonly deprived: readonly string[];
  /** It can be brought back for a while; cached upstream content needs no undo, it can be pulled again. */
  readonly canBeUndone: boolean;
  /** What was left alone, and why: a sentence for the person who asked. */
  readonly left: string | null;
}

/**
 * What a remove does to one image. A name that has moved since it was asked for is left alone, and said; the last name
 * of an image takes the image with it, as Docker does. Throws CONFLICT while something uses it, unless forced.
 */
export function planRemoval(image: StandingImage, asked: AskedRemoval): RemovalPlan {
  const left = asked.tag === null ? null : reasonToLeave(image, asked.tag);
  if (left !== null) return leaveAlone(left);
  const tags = asked.tag === null ? image.tags : [asked.tag];
  const losesLastName = image.tags.every((name) => tags.includes(name));
  if (losesLastName && !asked.force) refuseInUse(image);
  if (tags.length === 0) refuseChild(image);
  const deprived = losesLastName ? image.containers : [];
  return { tags, losesLastName, deprived, canBeUndone: image.isLocal && !asked.now, left: null };
}

/** Does nothing, and says why. */
export function leaveAlone(left: string): RemovalPlan {
  return { tags: [], losesLastName: false, deprived: [], canBeUndone: false, left };
}

function reasonToLeave({ repository, digest, tagNames }: StandingImage, tag: string): string | null {
  if (tagNames === digest) return null;
  if (tagNames === null) return `${repository}:${tag} is gone already`;
  return `${repository}:${tag} was moved to ${tagNames} after this was asked, and stays there`;
}

function refuseInUse({ repository, digest, containers }: StandingImage): void {
  const [first, ...others] = containers;
  if (first === undefined) return;
  const who = others.length === 0 ? `container ${first} uses` : `container ${first} and ${others.length} more use`;
  throw conflict(`${who} ${repository}@${digest}: remove them first, or force it, which takes its names only`, {
    containers,
  });
}

function refuseChild({ repository, digest, parents }: StandingImage): void {
  const [parent] = parents;
  if (parent === undefined) return;
  throw conflict(`${repository}@${digest} is one of the images of index ${parent}: remove that`, { parents });
}
