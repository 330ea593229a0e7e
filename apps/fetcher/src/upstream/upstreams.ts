import type { Naming } from '#oci/referenced-repository';
import { invalidField, RegistryError } from '#oci/registry-error';
import { brokenDomainRule } from '#oci/upstream-name';
import { bareHost, isLoopbackHost, type Reach } from './address-rule';
import type { ConfiguredUpstream, Credential } from './upstream-file';

/** A registry as it is contacted. */
export interface Upstream {
  /** As a reference spells it: `docker.io`, `127.0.0.1:5001`. */
  readonly domain: string;
  /** Where it is contacted: scheme, host and port. */
  readonly origin: string;
  readonly isConfigured: boolean;
  readonly credential?: Credential;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Other hosts that may be sent the credential. */
  readonly tokenHosts: readonly string[];
  readonly storageHosts: readonly string[];
  /** Whether loopback addresses are within reach wherever this upstream sends us. */
  readonly mayLoop: boolean;
}

/** Docker Hub's registry has another host than its references say. */
const CONTACTED_AT = new Map([['docker.io', 'registry-1.docker.io']]);

const UNCONFIGURED: ConfiguredUpstream = { plainHttp: false, tokenHosts: [], storageHosts: [] };

export interface UpstreamRules {
  readonly configured: ReadonlyMap<string, ConfiguredUpstream>;
  /** Our own hosts, lowercase. */
  readonly ownHosts: readonly string[];
  /** Whether this installation listens on loopback alone. */
  readonly loopbackAllowed: boolean;
}

/** Every upstream there can be: those that are configured, and any other by its domain alone. */
export class Upstreams {
  /** The domains of the configured ones. */
  readonly domains: ReadonlySet<string>;
  /** How references are read here. */
  readonly naming: Naming;

  constructor(private readonly rules: UpstreamRules) {
    this.domains = new Set(rules.configured.keys());
    this.naming = { ownHosts: new Set(rules.ownHosts), configuredUpstreams: this.domains };
  }

  /** Throws INVALID for one of our own hosts, and for what cannot be contacted at all. */
  find(reference: string): Upstream {
    const domain = reference.toLowerCase();
    const configured = this.rules.configured.get(domain);
    const entry = configured ?? UNCONFIGURED;
    const host = entry.at ?? CONTACTED_AT.get(domain) ?? domain;
    const scheme = entry.plainHttp || (configured === undefined && isLoopback(host)) ? 'http' : 'https';
    if (!URL.canParse(`${scheme}://${host}`)) throw notContactable(domain, host);
    const { origin, host: contacted } = new URL(`${scheme}://${host}`);
    if (this.naming.ownHosts.has(domain) || this.ownUnder(scheme).includes(contacted)) throw ourselves(domain);
    return {
      domain,
      origin,
      isConfigured: configured !== undefined,
      ...(entry.credential === undefined ? {} : { credential: entry.credential }),
      tls: tlsOf(entry),
      tokenHosts: entry.tokenHosts,
      storageHosts: entry.storageHosts,
      mayLoop: this.rules.loopbackAllowed && isLoopback(host),
    };
  }

  /** Our own hosts as they stand in a URL, where the usual port is not written. */
  private ownUnder(scheme: string): string[] {
    const urls = this.rules.ownHosts.map((host) => `${scheme}://${host}`);
    return urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).host);
  }
}

function ourselves(domain: string): RegistryError {
  return invalidField(
    'reference',
    `${domain} is this registry itself: what is held here needs no pull, push it or pull it by its upstream's name`,
  );
}

function notContactable(domain: string, host: string): RegistryError {
  return invalidField(
    'reference',
    `${domain} ${brokenDomainRule(domain) ?? `is to be contacted at ${host}, which is no host`}`,
  );
}

function isLoopback(host: string): boolean {
  return URL.canParse(`http://${host}`) && isLoopbackHost(hostOf(host));
}

/**
 * The addresses within reach when this upstream, or a host it sends us to, is contacted at `hostname`. Private ones
 * only on the hosts that its configuration names, so that neither a name server nor a redirect chooses them.
 */
export function reachOf(upstream: Upstream, hostname: string): Reach {
  const named = [upstream.origin, ...upstream.tokenHosts, ...upstream.storageHosts].map(hostOf);
  const isNamed = upstream.isConfigured && named.includes(bareHost(hostname).toLowerCase());
  return { private: isNamed, loopback: isNamed || upstream.mayLoop };
}

export function addressRefused(upstream: Upstream, hostname: string): RegistryError {
  const remedy = upstream.isConfigured
    ? `add it to the storageHosts (or tokenHosts) of ${upstream.domain} in the file of ENTREPOT_UPSTREAMS`
    : `name ${upstream.domain} in the file of ENTREPOT_UPSTREAMS`;
  const why = `${hostname} has no address that may be contacted: link-local ones never are, private and loopback ones only for an upstream that is configured`;
  return new RegistryError('DENIED', `upstream ${upstream.domain}: ${why}; if it is meant, ${remedy}`, {
    detail: { registry: upstream.domain, host: hostname },
  });
}

function tlsOf({ ca, clientCert, clientKey }: ConfiguredUpstream): Upstream['tls'] {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(clientCert === undefined ? {} : { cert: clientCert }),
    ...(clientKey === undefined ? {} : { key: clientKey }),
  };
}

/** The host name of `host[:port]` or of an origin, canonical. */
function hostOf(host: string): string {
  return bareHost(new URL(host.includes('://') ? host : `http://${host}`).hostname);
}
