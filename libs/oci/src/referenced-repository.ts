import type { Reference } from './reference';
import { parseRepositoryName, type RepositoryName } from './repository-name';
import { type ConfiguredUpstreams, splitRepositoryName, upstreamRepositoryName } from './upstream-name';

export interface Naming {
  /** Our own hosts (`host:port`): what is named with one of them is a repository of ours. */
  readonly ownHosts: ReadonlySet<string>;
  readonly configuredUpstreams: ConfiguredUpstreams;
}

/**
 * The repository that a person means. What is named with one of our own hosts is what a client pulls from us: a local
 * one, unless it begins with an upstream's domain, and then the upstream's: `localhost:5050/docker.io/library/node` is
 * `docker.io/library/node`. Throws NAME_INVALID.
 */
export function referencedRepository({ domain, path }: Reference, naming: Naming): RepositoryName {
  const { ownHosts, configuredUpstreams } = naming;
  if (!ownHosts.has(domain.toLowerCase())) return upstreamRepositoryName({ domain, path }, configuredUpstreams);
  const name = parseRepositoryName(path);
  const split = splitRepositoryName(name, configuredUpstreams);
  return split.kind === 'local' ? name : upstreamRepositoryName(split, configuredUpstreams);
}
