import { MOST_NAMES, type RemoveOutcome } from '#contracts/bodies/remove';
import type { NamedRemoval } from '../operation/operation-rows';
import type { RemovalPlan } from './plan-removal';
import type { Taken } from './take-image';

export const NOTHING_REMOVED: RemoveOutcome = {
  removed: [],
  removedCount: 0,
  left: [],
  leftCount: 0,
  trash: [],
  containers: [],
  marked: [],
};

/** What a remove has done so far, with what it did to this image. */
export function addToOutcome(
  before: RemoveOutcome,
  { repository, digest }: Pick<NamedRemoval, 'repository' | 'digest'>,
  plan: RemovalPlan,
  { trash, marked }: Taken,
): RemoveOutcome {
  const names = plan.tags.map((tag) => `${repository}:${tag}`);
  const removed = plan.losesLastName ? [...names, `${repository}@${digest}`] : names;
  const left = plan.left === null ? [] : [plan.left];
  return {
    removed: some(before.removed, removed),
    removedCount: before.removedCount + removed.length,
    left: some(before.left, left),
    leftCount: before.leftCount + left.length,
    trash: some(before.trash, trash === null ? [] : [trash]),
    containers: some(
      before.containers,
      plan.containers.map(({ name }) => name),
    ),
    marked: some(before.marked, marked),
  };
}

function some(before: readonly string[] = [], more: readonly string[]): string[] {
  return [...new Set([...before, ...more])].slice(0, MOST_NAMES);
}
