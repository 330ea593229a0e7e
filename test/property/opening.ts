import type { How } from './how';
import { LOCAL, REPOSITORIES, TAGS } from './model';
import type { Step } from './step';
import { pullStep, UPSTREAM } from './steps/pull';
import { tagStep } from './steps/tag';

const PLAINLY: How = { by: 'a', death: null };
const named = (repository: (typeof REPOSITORIES)[number]) => ({
  nth: null,
  else: { by: 'tag' as const, repository, tag: TAGS[0] },
});

/** A life begins with something of others, and with a name of its own. */
export const OPENING: readonly Step[] = [
  ...UPSTREAM.map((name) => pullStep(name, { tag: TAGS[0] }, name === UPSTREAM[0], PLAINLY)),
  tagStep(named(REPOSITORIES[1]), named(LOCAL[0]), PLAINLY),
];
