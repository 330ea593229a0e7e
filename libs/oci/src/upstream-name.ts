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
const HIGHEST_PORT = 65_535;

/**
 * The rule that `domain` (lowercase) breaks as the domain of an upstream; undefined if it breaks none. A host has one
 * spelling and a port has one, so that one upstream is not two repositories, and ourselves are known by our name: what
 * URLs read as an address must be four decimal numbers (`127.0.0.1`, neither `127.1` nor `0x7f.0.0.1`). IPv6 addresses
 * have no spelling here that a host name could not have. A port that is written is part of the name, the usual one too.
 */
export function brokenDomainRule(domain: string): string | undefined {
  if (domain.startsWith('[')) return 'is an IPv6 address, which cannot begin a repository name: use a host name';
  const [, host, port] = DOMAIN.exec(domain) ?? [];
  if (host === undefined) return 'must be a registry host, and optionally a colon and a port';
  return brokenHostRule(host) ?? brokenPortRule(port);
}

/**
 * The name under which we hold what `path` is at the registry `domain`: `127.0.0.1:5001` and `library/node` become `127.0.0.1_5001/library/node`.
 * `splitRepositoryName` gives both back, the domain in lowercase and Docker Hub's names made whole.
 *
 * Throws NAME_INVALID for a domain that breaks a rule, for one whose name would read as a local one (dotless and not configured), and
 * where both together are too long.
 */
export function upstreamRepositoryName(upstream: UpstreamName, configuredUpstreams = NONE): RepositoryName {
  const { domain, path } = wholeHubName(upstream.domain.toLowerCase(), upstream.path);
  const rule = brokenDomainRule(domain);
  if (rule !== undefined) throw nameInvalid(domain, rule);
  const [host = '', port] = domain.split(':');
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
 * Throws NAME_INVALID where the first component has a dot but is no host name, or another spelling of one: it must never become local
 * by being misspelt.
 */
export function splitRepositoryName(name: RepositoryName, configuredUpstreams: ConfiguredUpstreams): SplitName {
  const slash = name.indexOf('/');
  if (slash === -1) return { kind: 'local', name };
  const first = name.slice(0, slash);
  const [, host, port] = COMPONENT.exec(first) ?? [];
  if (host === undefined) return localUnlessDotted(name, first);
  const domain = port === undefined ? host : `${host}:${port}`;
  const isUpstream = isAlwaysDomain(host) || (port !== undefined && configuredUpstreams.has(domain));
  if (!isUpstream) return { kind: 'local', name };
  const rule = brokenDomainRule(domain);
  if (rule !== undefined) throw nameInvalid(name, `${domain}, which its first component names, ${rule}`);
  return { kind: 'upstream', ...wholeHubName(domain, name.slice(slash + 1)) };
}

function brokenHostRule(host: string): string | undefined {
  const url = `http://${host}`;
  if (!URL.canParse(url)) return 'is no host name, nor four numbers from 0 to 255';
  const { hostname } = new URL(url);
  return hostname === host ? undefined : `is another spelling of ${hostname}: write that`;
}

function brokenPortRule(port: string | undefined): string | undefined {
  if (port === undefined) return undefined;
  const isPort = /^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= HIGHEST_PORT;
  return isPort ? undefined : `must have a port from 1 to ${HIGHEST_PORT}, without leading zeros`;
}

function isAlwaysDomain(host: string): boolean {
  return host === 'localhost' || host.includes('.');
}

function localUnlessDotted(name: RepositoryName, first: string): SplitName {
  if (first.includes('.'))
    throw nameInvalid(name, 'its first component has a dot, so it names a registry, but is no host name');
  return { kind: 'local', name };
}
