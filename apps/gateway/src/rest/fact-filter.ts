import { z } from 'zod';
import { FACTS } from '#contracts/facts';
import type { LoggedFact } from '#messaging/fact-log';
import { RepositoryNameSchema } from '#oci/repository-name';

const PREFIX = 'entrepot.fact.';
const SUBJECTS = FACTS.map(({ subject }) => subject.slice(PREFIX.length));
const TOKEN = '(?:[a-z]+|\\*)';
const PATTERN = new RegExp(`^(?:entrepot\\.fact\\.)?(?:>|${TOKEN}\\.(?:>|${TOKEN}))$`);

/** `tag.moved`, `tag.*`, `*.removed`, `blob.>`: as subjects of NATS are written, after `entrepot.fact.` or with it. */
export const FactSubjectsSchema = z
  .string()
  .max(1_000)
  .refine((text) => text.split(',').every((each) => PATTERN.test(each)), {
    error: 'must be subjects such as tag.moved, tag.* or blob.>, separated by commas',
    abort: true,
  })
  .refine((text) => text.split(',').every(namesAny), {
    error: `must name facts that there are: ${SUBJECTS.join(', ')}`,
  });

export interface FactFilter {
  readonly subject?: string | undefined;
  readonly repository?: z.output<typeof RepositoryNameSchema> | undefined;
}

/** Which facts a listener wants. Facts that are about no repository are none of a repository's. */
export function factFilter({ subject, repository }: FactFilter): (fact: LoggedFact) => boolean {
  const wanted = subject?.split(',').map(patternOf);
  return (fact) =>
    (repository === undefined || fact.data.repository === repository) &&
    (wanted === undefined || wanted.some((pattern) => pattern.test(fact.subject.slice(PREFIX.length))));
}

function namesAny(text: string): boolean {
  const pattern = patternOf(text);
  return SUBJECTS.some((subject) => pattern.test(subject));
}

function patternOf(text: string): RegExp {
  const tokens = text.replace(PREFIX, '').split('.');
  return new RegExp(`^${tokens.map((token) => ({ '*': '[^.]+', '>': '.+' })[token] ?? token).join('\\.')}$`);
}
