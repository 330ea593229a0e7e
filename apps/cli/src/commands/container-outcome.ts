import type { ContainerOutcome } from '#contracts/bodies/container';
import type { Desk } from '../desk';
import { eachOf, sayFaults } from '../each-of';
import { type Face, showList, showOne } from '../show';

/** How people name one. */
export const WHICH = 'its name, its id or the beginning of one';

/** Names may have slashes, and are one part of the path. */
export const placeOf = (container = '') => `/api/v1/containers/${encodeURIComponent(container)}`;

export const OUTCOME: Face<ContainerOutcome> = {
  names: ({ container }) => [container],
  table: (outcomes) => outcomes.map(({ name, state }) => `${name} ${state}\n`).join(''),
};

/** Each by itself: what was done is shown, and what was refused is said. */
export async function changeEach(
  { terminal, output }: Desk,
  containers: readonly string[],
  change: (container: string) => Promise<ContainerOutcome>,
  face = OUTCOME,
): Promise<void> {
  const { done, faults } = await eachOf(containers, change);
  if (containers.length > 1) showList(terminal, output, face, done);
  else for (const one of done) showOne(terminal, output, face, one);
  sayFaults(terminal, faults);
}
