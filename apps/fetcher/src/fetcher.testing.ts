import { type FetcherConfig, FetcherConfigSchema } from './fetcher.config';
import { Credentials } from './upstream/credentials';
import type { DockerLogins } from './upstream/docker-logins.client';
import { TokenClient } from './upstream/token.client';
import { UpstreamClient, type UpstreamTimes } from './upstream/upstream.client';
import type { ConfiguredUpstream } from './upstream/upstream-file';
import { UpstreamRegistry } from './upstream/upstream-registry';
import { Upstreams } from './upstream/upstreams';

/** Settings whose times a test can wait for. */
export function quickSettings(changes: Record<string, string> = {}): FetcherConfig {
  return FetcherConfigSchema.parse({
    ENTREPOT_HOST_PLATFORM: 'linux/amd64',
    ENTREPOT_FETCH_PROGRESS_MS: '20',
    ENTREPOT_FETCH_SWEEP_MS: '40',
    ENTREPOT_FETCH_RENEW_MS: '40',
    ENTREPOT_LEASE_MS: '150000',
    ENTREPOT_FETCH_CONNECT_MS: '1000',
    ENTREPOT_FETCH_HEADERS_MS: '400',
    ENTREPOT_FETCH_STALL_MS: '400',
    ...changes,
  });
}

export interface RegistrySetting {
  readonly entries?: Readonly<Record<string, Partial<ConfiguredUpstream>>>;
  readonly loopbackAllowed?: boolean;
  readonly times?: Partial<UpstreamTimes>;
  readonly now?: () => number;
  readonly logins?: DockerLogins;
}

const ENTRY: ConfiguredUpstream = { plainHttp: false, tokenHosts: [], storageHosts: [] };

/** An upstream registry without the rest of the fetcher around it. */
export class RegistryBench {
  readonly upstreams: Upstreams;
  readonly client: UpstreamClient;
  readonly registry: UpstreamRegistry;
  readonly signal = AbortSignal.timeout(20_000);

  constructor({ entries = {}, loopbackAllowed = true, times = {}, now = Date.now, logins }: RegistrySetting = {}) {
    const configured = new Map(Object.entries(entries).map(([host, entry]) => [host, { ...ENTRY, ...entry }]));
    this.upstreams = new Upstreams({ configured, ownHosts: ['localhost:5050'], loopbackAllowed });
    this.client = new UpstreamClient({ connect: 1_000, headers: 400, stall: 400, ...times }, 16);
    const credentials = new Credentials(Buffer.alloc(32, 1), logins, now);
    const tokens = new TokenClient(this.client, 1_000, now);
    this.registry = new UpstreamRegistry(this.client, tokens, credentials, '0123456789abcdef', now);
  }

  open(domain: string, path = 'library/node') {
    return this.registry.open(this.upstreams.find(domain), path);
  }
}
