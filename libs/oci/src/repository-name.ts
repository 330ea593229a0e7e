import { z } from 'zod';
import { nameInvalid } from './registry-error';

/** Many clients cap it there, says the OCI distribution specification, and so does every store of ours. */
export const LONGEST_NAME = 255;

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);

/** OCI distribution specification, `<name>`. An upstream's name begins with its domain, a port's colon written `_`, which this grammar covers. */
export const RepositoryNameSchema = z
  .string()
  .max(LONGEST_NAME, `must have at most ${LONGEST_NAME} characters`)
  .regex(NAME, 'must be lowercase letters and digits joined by ".", "_", "__" or "-", in components joined by "/"')
  .brand<'RepositoryName'>();

/** The name of a repository of ours, local or an upstream's: at most 255 characters. */
export type RepositoryName = z.infer<typeof RepositoryNameSchema>;

export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= LONGEST_NAME && NAME.test(text);
}

/** Throws NAME_INVALID, naming the rule that is broken. */
export function parseRepositoryName(text: string): RepositoryName {
  if (isRepositoryName(text)) return text;
  throw nameInvalid(text, brokenPathRule(text) ?? 'must be a repository name');
}

/** The first rule of a repository path that `path` breaks, if it breaks one. */
export function brokenPathRule(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path.length > LONGEST_NAME) return `must have at most ${LONGEST_NAME} characters, not ${path.length}`;
  if (NAME.test(path)) return undefined;
  if (/[A-Z]/.test(path)) return 'must be lowercase';
  if (!/^[a-z0-9._/-]*$/.test(path)) return 'may have only a-z, 0-9, ".", "_", "-" and "/"';
  if (path.split('/').includes('')) return 'must not have an empty component: no "/" at either end and no "//"';
  if (/(?:^|\/)[._-]|[._-](?:\/|$)/.test(path)) return 'each component must begin and end with a letter or a digit';
  return 'letters and digits may be joined only by one ".", one or two "_", or any number of "-"';
}
