import type { ContainerState } from '#contracts/bodies/container';
import type { ImageInUse } from '#contracts/bodies/remove';
import { conflict } from '#oci/registry-error';

/** A container that uses an image, or an image of it. */
export interface UsingContainer {
  readonly id: string;
  readonly name: string;
  readonly state: ContainerState;
  /** Who reports it: it comes and goes where it runs. Null for one that was made here. */
  readonly reporter: string | null;
}

/** How an image stands in its repository, read while it is locked. */
export interface StandingImage {
  readonly repository: string;
  readonly digest: string;
  readonly isLocal: boolean;
  /** Every tag that names it. */
  readonly tags: readonly string[];
  /** Those of them that came to name it after this was asked. */
  readonly newer: readonly string[];
  /** What the asked tag names now; null where it is gone, undefined where no tag was asked for. */
  readonly tagNames: string | null | undefined;
  readonly containers: readonly UsingContainer[];
  /** Indexes of this repository that list it, and that nobody removed. */
  readonly parents: readonly string[];
}

export interface AskedRemoval {
  readonly tag: string | null;
  readonly force: boolean;
  /** Remove the containers too: those that have stopped, or (`all`) those that run as well. */
  readonly containers: 'none' | 'stopped' | 'all';
  /** Skip the review delay and the undo window. */
  readonly now: boolean;
}

export interface RemovalPlan {
  /** Which names go. */
  readonly tags: readonly string[];
  /** No name is left: the image is on its way out. */
  readonly losesLastName: boolean;
  /** Containers that go with it. */
  readonly containers: readonly UsingContainer[];
  /** Containers whose image loses its name: they are marked, and keep its content. */
  readonly deprived: readonly UsingContainer[];
  /** It can be brought back for a while; cached upstream content needs no undo, it can be pulled again. */
  readonly canBeUndone: boolean;
  /** What was left alone, and why: a sentence for the person who asked. */
  readonly left: string | null;
}

/**
 * What a remove does to one image. A name that has moved or come since it was asked for is left alone, and said; the last name
 * of an image takes the image with it, as Docker does, but for one that an index lists: that stays with it. Throws
 * CONFLICT while something uses it, unless forced.
 */
export function planRemoval(image: StandingImage, asked: AskedRemoval): RemovalPlan {
  const left = asked.tag === null ? null : reasonToLeave(image, asked.tag);
  if (left !== null) return leaveAlone(left);
  const tags = asked.tag === null ? image.tags.filter((name) => !image.newer.includes(name)) : [asked.tag];
  const after = asked.tag === null ? reasonToLeaveNewer(image) : null;
  if (tags.length === 0 && after !== null) return leaveAlone(after);
  if (tags.length === 0) refuseChild(image);
  const losesLastName = image.parents.length === 0 && image.tags.every((name) => tags.includes(name));
  const using = losesLastName ? image.containers : [];
  const containers = using.filter((container) => goes(container, asked));
  const deprived = using.filter((container) => !containers.includes(container));
  if (!asked.force) refuseInUse(image, deprived, asked);
  return { tags, losesLastName, containers, deprived, canBeUndone: image.isLocal && !asked.now, left: after };
}

/** Does nothing, and says why. */
export function leaveAlone(left: string): RemovalPlan {
  return { tags: [], losesLastName: false, containers: [], deprived: [], canBeUndone: false, left };
}

function reasonToLeave({ repository, digest, tagNames, newer }: StandingImage, tag: string): string | null {
  if (newer.includes(tag)) return `${repository}:${tag} was given anew after this was asked, and stays`;
  if (tagNames === digest) return null;
  if (tagNames === null) return `${repository}:${tag} is gone already`;
  return `${repository}:${tag} was moved to ${tagNames} after this was asked, and stays there`;
}

function reasonToLeaveNewer({ repository, digest, newer }: StandingImage): string | null {
  const [first, ...others] = newer;
  if (first === undefined) return null;
  const names = others.length === 0 ? `${repository}:${first}` : `${repository}:${first} and ${others.length} more`;
  return `${repository}@${digest} was given the name ${names} after this was asked: that stays, and the image with it`;
}

const runs = ({ state }: UsingContainer) => state === 'running' || state === 'paused';

function goes(container: UsingContainer, { containers }: AskedRemoval): boolean {
  if (containers === 'none' || container.reporter !== null) return false;
  return containers === 'all' || !runs(container);
}

function refuseInUse(
  { repository, digest }: StandingImage,
  using: readonly UsingContainer[],
  asked: AskedRemoval,
): void {
  const [first, ...others] = using;
  if (first === undefined) return;
  const who =
    others.length === 0 ? `container ${first.name} uses` : `container ${first.name} and ${others.length} more use`;
  const { remedy, fields } = remedyOf(using, asked);
  const inUse: ImageInUse = { inTheWay: `${who} ${repository}@${digest}: ${remedy}`, fields };
  const withIt = fields.length === 0 ? '' : `, or with it (${fields.join(' and ')})`;
  throw conflict(`${inUse.inTheWay}${withIt}, or force it, which takes its names only`, {
    ...inUse,
    containers: using.map(({ name }) => name),
    running: using.filter(runs).map(({ name }) => name),
    reported: using.filter(({ reporter }) => reporter !== null).map(({ name }) => name),
  });
}

/** What would do it. */
function remedyOf(
  using: readonly UsingContainer[],
  asked: AskedRemoval,
): Pick<ImageInUse, 'fields'> & { remedy: string } {
  const reported = using.find(({ reporter }) => reporter !== null);
  if (reported)
    return { remedy: `${reported.name} is to be removed where it runs, at ${reported.reporter}`, fields: [] };
  if (!using.some(runs)) return { remedy: 'remove them first', fields: ['withContainers'] };
  return asked.containers === 'stopped'
    ? { remedy: 'it runs: end it first', fields: ['withRunning'] }
    : { remedy: 'end and remove them first', fields: ['withContainers', 'withRunning'] };
}

function refuseChild({ repository, digest, parents }: StandingImage): void {
  const [parent] = parents;
  if (parent === undefined) return;
  throw conflict(`${repository}@${digest} is one of the images of index ${parent}: remove that`, { parents });
}
