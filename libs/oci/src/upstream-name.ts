import { wholeHubName } from './reference';
import { nameInvalid } from './registry-error';
import { parseRepositoryName, type RepositoryName } from './repository-name';

/** `domain` as a reference spells it, lowercase, a port after a colon: `docker.io`, `127.0.0.1:5001`. */
export interface UpstreamName {
  readonly domain: string;
  readonly path: string;
}

export type SplitName = { kind: 'local'; name: RepositoryName } | ({ kind: 'upstream' } & UpstreamName);

/** Domains as references spell them, lowercase. Only a dotless `host:port` needs to be here to be an upstream. */
export type ConfiguredUpstreams = ReadonlySet<string>;

const HOST = '[a-z0-9]+(?:-+[a-z0-9]+)*(?:\\.[a-z0-9]+(?:-+[a-z0-9]+)*)*';
const DOMAIN = new RegExp(`^(${HOST})(?::([0-9]+))?$`);
const COMPONENT = new RegExp(`^(${HOST})(?:_([0-9]+))?$`);
const NONE: ConfiguredUpstreams = new Set();

/**
 * The name under which we hold what `path` is at the registry `domain`: `127.0.0.1:5001` and `library/node` become `127.0.0.1_5001/library/node`.
 * `splitRepositoryName` gives both back, the domain in lowercase and Docker Hub's names made whole.
 *
 * Throws NAME_INVALID for a domain whose name would read as a local one (dotless and not configured), for an IPv6 address (its colons
 * have no spelling here that a host name could not have: give it a host name), and where both together are too long.
 */
export function upstreamRepositoryName(upstream: UpstreamName, configuredUpstreams = NONE): RepositoryName {
  const { domain, path } = wholeHubName(upstream.domain.toLowerCase(), upstream.path);
  if (domain.startsWith('['))
    throw nameInvalid(domain, 'an IPv6 address cannot begin a repository name: use a host name');
  const [, host, port] = DOMAIN.exec(domain) ?? [];
  if (host === undefined) throw nameInvalid(domain, 'must be a registry host, and optionally a colon and a port');
  if (!isAlwaysDomain(host) && (port === undefined || !configuredUpstreams.has(domain))) {
    throw nameInvalid(domain, 'a registry host without a dot must have a port and be a configured upstream');
  }
  return parseRepositoryName(`${port === undefined ? host : `${host}_${port}`}/${path}`);
}

/**
 * Whose a repository is, told by its name alone. Its first component names an upstream if it has a dot or is `localhost`, either with
 * `_port`, or is the `host_port` of a configured upstream; every other name, and every name of one component, is local.
 * `docker.io/nginx` and `index.docker.io/nginx` are `docker.io` and `library/nginx`, as Docker reads them.
 *
 * Throws NAME_INVALID where the first component has a dot but is no host name: it must never become local by being misspelt.
 */
export function splitRepositoryName(name: RepositoryName, configuredUpstreams: ConfiguredUpstreams): SplitName {
  const slash = name.indexOf('/');
  if (slash === -1) return { kind: 'local', name };
  const first = name.slice(0, slash);
  const [, host, port] = COMPONENT.exec(first) ?? [];
  if (host === undefined) return localUnlessDotted(name, first);
  const domain = port === undefined ? host : `${host}:${port}`;
  const isUpstream = isAlwaysDomain(host) || (port !== undefined && configuredUpstreams.has(domain));
  return isUpstream ? { kind: 'upstream', ...wholeHubName(domain, name.slice(slash + 1)) } : { kind: 'local', name };
}

function isAlwaysDomain(host: string): boolean {
  return host === 'localhost' || host.includes('.');
}

function localUnlessDotted(name: RepositoryName, first: string): SplitName {
  if (first.includes('.'))
    throw nameInvalid(name, 'its first component has a dot, so it names a registry, but is no host name');
  return { kind: 'local', name };
}
