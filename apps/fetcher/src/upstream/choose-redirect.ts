import { upstreamFault } from '#oci/registry-error';
import type { Upstream } from './upstreams';

const MOST_REDIRECTS = 5;

export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/**
 * Where a redirect leads. `seen` are the URLs asked so far, the first one ours. Throws UPSTREAM for a loop, more than
 * five in a row, a scheme that is not HTTP, and for one that leaves TLS.
 */
export function chooseRedirect(upstream: Upstream, seen: readonly URL[], location: string | undefined): URL {
  const from = seen.at(-1);
  const next = location !== undefined && URL.canParse(location, from?.href) ? new URL(location, from) : undefined;
  if (next === undefined) throw upstreamFault(upstream.domain, 'it redirects to no readable address');
  next.hash = '';
  const isUser = next.username !== '' || next.password !== '';
  if (!['http:', 'https:'].includes(next.protocol) || isUser) {
    throw upstreamFault(upstream.domain, 'it redirects to an address that is no plain http or https URL');
  }
  if (from?.protocol === 'https:' && next.protocol === 'http:') {
    throw upstreamFault(upstream.domain, `it redirects from https to http at ${next.host}, which is not followed`);
  }
  if (seen.some((url) => url.href === next.href))
    throw upstreamFault(upstream.domain, 'its redirects go round in a circle');
  if (seen.length > MOST_REDIRECTS)
    throw upstreamFault(upstream.domain, `it redirects more than ${MOST_REDIRECTS} times`);
  return next;
}
