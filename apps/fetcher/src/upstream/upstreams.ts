import { invalidField, RegistryError } from '#oci/registry-error';
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

  constructor(private readonly rules: UpstreamRules) {
    this.domains = new Set(rules.configured.keys());
  }

  /** Throws INVALID for one of our own hosts, and for what cannot be contacted at all. */
  find(reference: string): Upstream {
    const domain = reference.toLowerCase();
    const configured = this.rules.configured.get(domain);
    const entry = configured ?? UNCONFIGURED;
    const host = entry.at ?? CONTACTED_AT.get(domain) ?? domain;
    if (!URL.canParse(`https://${host}`)) throw invalidField('reference', `${domain} has a port that there is not`);
    this.refuseOurselves(domain, host);
    const isLoopback = isLoopbackHost(hostOf(host));
    const isPlain = entry.plainHttp || (configured === undefined && isLoopback);
    return {
      domain,
      origin: new URL(`${isPlain ? 'http' : 'https'}://${host}`).origin,
      isConfigured: configured !== undefined,
      ...(entry.credential === undefined ? {} : { credential: entry.credential }),
      tls: tlsOf(entry),
      tokenHosts: entry.tokenHosts,
      storageHosts: entry.storageHosts,
      mayLoop: this.rules.loopbackAllowed && isLoopback,
    };
  }

  isOurselves(domain: string): boolean {
    return this.rules.ownHosts.includes(domain.toLowerCase());
  }

  private refuseOurselves(domain: string, host: string): void {
    const spellings = [domain, host, new URL(`http://${host}`).host];
    if (!spellings.some((spelling) => this.isOurselves(spelling))) return;
    throw invalidField(
      'reference',
      `${domain} is this registry itself: what is held here needs no pull, push it or pull it by its upstream's name`,
    );
  }
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
