import type { IncomingMessage } from 'node:http';
import { denied, invalidField, type RegistryError } from '#oci/registry-error';
import { isForeignOrigin, isKnownHost } from './known-hosts';
import { MisdirectedRequest } from './misdirected-request';
import { pathOf } from './registry/parse-registry-path';

/** RFC 9112, 3.2.2. A path must follow, so that every reader finds the same end of the authority. */
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)\//;

/** What a browser says of a request that no other site made: typed, bookmarked, or from our own page. */
const OWN_SITES = ['none', 'same-origin'];

type Asking = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders'>;

/**
 * Whether this request may be looked at: it names us, and no page from elsewhere made it. A browser sends an image's
 * or a link's request without an Origin, and even looking up a tag may begin a download: so what it says of the site
 * counts as well (Fetch Metadata). Another port of this host is another site's page here too.
 *
 * Throws MisdirectedRequest, or RegistryError DENIED or INVALID.
 */
export function checkAsker(asking: Asking, names: ReadonlySet<string>): void {
  const { host, origin } = asking.headers;
  if (timesGiven('host', asking.rawHeaders) > 1) throw invalidField('Host', 'must be given once');
  const named = authorityOf(asking.url ?? '/') ?? host;
  for (const each of [named, host]) {
    if (each !== undefined && !isKnownHost(each, names)) throw new MisdirectedRequest(each);
  }
  if (origin !== undefined && isForeignOrigin(origin, named ?? '')) throw fromElsewhere();
  if (!isOwnSite(asking) && !opensPage(asking)) throw fromElsewhere();
}

/** Of two, a proxy before us may have gone by the other one (RFC 9112, 3.2). */
function timesGiven(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((each, at) => at % 2 === 0 && each.toLowerCase() === name).length;
}

/** The host of a target in absolute form, which counts instead of the Host header. */
function authorityOf(target: string): string | undefined {
  if (target.startsWith('/') || target === '*') return undefined;
  const authority = ABSOLUTE_FORM.exec(target)?.[1];
  if (authority === undefined)
    throw invalidField('request target', 'must be a path, or http:// or https:// with a host and a path');
  return authority;
}

/** Without the header it is no browser, or one that does not say. */
function isOwnSite({ headers }: Asking): boolean {
  const site = headers['sec-fetch-site'];
  return site === undefined || OWN_SITES.includes(String(site));
}

/** A link from elsewhere may lead to the page of the API, and to nothing else: that page asks for nothing by itself. */
function opensPage({ method, url = '/', headers }: Asking): boolean {
  const opens = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return opens && method === 'GET' && ['/api', '/api/'].includes(pathOf(url));
}

function fromElsewhere(): RegistryError {
  return denied('a page from another origin may not ask here: this API is for programs and for its own page');
}
