import { nameInvalid } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import { type ConfiguredUpstreams, splitRepositoryName, upstreamRepositoryName } from '#oci/upstream-name';

/** A repository as it is stored, and whether it is an upstream's: a local one never falls through to any upstream. */
export interface AskedRepository {
  readonly name: RepositoryName;
  readonly isUpstream: boolean;
}

/** The same, as one request asks for it: through which installations it came (see `#calls/hop-id`). */
export interface ReachedRepository extends AskedRepository {
  readonly hops: readonly string[];
}

export interface Naming {
  /** Our own hosts (`host:port`): no upstream. */
  readonly ownHosts: ReadonlySet<string>;
  readonly configuredUpstreams: ConfiguredUpstreams;
}

/** Names that are remembered as they were understood; past these all are forgotten, and read again. */
const MOST_KNOWN = 1000;

/** Which repository a name on the main address means. */
export class RepositoryNaming {
  private readonly known = new Map<string, AskedRepository>();

  constructor(private readonly naming: Naming) {}

  /**
   * `namespace` is containerd's `?ns=`: the registry that a name without a domain is meant for. Throws NAME_INVALID,
   * also where the upstream would be ourselves.
   */
  nameRepository(name: RepositoryName, namespace: string | null): AskedRepository {
    // No name has a space.
    const key = namespace === null ? name : `${name} ${namespace}`;
    const known = this.known.get(key);
    if (known) return known;
    const read = readName(name, namespace, this.naming);
    if (this.known.size >= MOST_KNOWN) this.known.clear();
    this.known.set(key, read);
    return read;
  }
}

function readName(name: RepositoryName, namespace: string | null, naming: Naming): AskedRepository {
  const split = splitRepositoryName(name, naming.configuredUpstreams);
  if (split.kind === 'upstream') return upstreamRepository(split.domain, split.path, naming);
  if (namespace === null || naming.ownHosts.has(namespace.toLowerCase())) return { name, isUpstream: false };
  return upstreamRepository(namespace, name, naming);
}

function upstreamRepository(domain: string, path: string, { ownHosts, configuredUpstreams }: Naming): AskedRepository {
  if (ownHosts.has(domain.toLowerCase())) throw nameInvalid(domain, `it is this registry itself: ask for ${path}`);
  return { name: upstreamRepositoryName({ domain, path }, configuredUpstreams), isUpstream: true };
}
