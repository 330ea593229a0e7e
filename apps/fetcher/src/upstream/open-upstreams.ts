import { ownHosts } from '#config/own-hosts';
import type { FetcherConfig } from '../fetcher.config';
import { isLoopbackHost } from './address-rule';
import { configuredUpstreams, readUpstreamFile } from './upstream-file';
import { Upstreams } from './upstreams';

/** The upstreams as the settings and the file of ENTREPOT_UPSTREAMS say. Throws StartFault. */
export async function openUpstreams(config: FetcherConfig): Promise<Upstreams> {
  const { ENTREPOT_UPSTREAMS: file, ENTREPOT_HOST } = config;
  return new Upstreams({
    configured: configuredUpstreams(
      file === undefined ? {} : await readUpstreamFile(file),
      config.ENTREPOT_UPSTREAM_HOSTS,
    ),
    ownHosts: [...ownHosts(config)],
    loopbackAllowed: isLoopbackHost(ENTREPOT_HOST),
  });
}
