import { isIP } from 'node:net';
import { bareHost } from './address-rule';
import type { Upstream } from './upstreams';

/** Second levels under which countries let anybody register: `co.uk`, `com.au`. */
const COUNTRY_SECOND_LEVELS = new Set(['ac', 'co', 'com', 'edu', 'gob', 'gov', 'mil', 'ne', 'net', 'nom', 'or', 'org']);

/** Hosts under which every customer has a name of their own. */
const SHARED_SUFFIXES = [
  'amazonaws.com',
  'azurecr.io',
  'azurewebsites.net',
  'cloudfront.net',
  'fly.dev',
  'github.io',
  'gitlab.io',
  'herokuapp.com',
  'jfrog.io',
  'netlify.app',
  'ngrok.io',
  'nip.io',
  'onrender.com',
  'pages.dev',
  'run.app',
  'sslip.io',
  'vercel.app',
  'workers.dev',
];

/**
 * Whether this upstream's credential may go to a realm that it names (CVE-2026-33540 is sending it to any): the same
 * host, another one of the same registrable domain, or one that its configuration names; and never out of TLS.
 */
export function trustsRealm(upstream: Upstream, realm: URL): boolean {
  const home = new URL(upstream.origin);
  if (realm.protocol !== 'https:' && !(realm.protocol === 'http:' && home.protocol === 'http:')) return false;
  if (realm.username !== '' || realm.password !== '') return false;
  if (realm.hostname === home.hostname) return true;
  if (upstream.tokenHosts.some((host) => isSameHost(host, realm))) return true;
  const domain = registrableDomain(home.hostname);
  return domain !== undefined && domain === registrableDomain(realm.hostname);
}

function isSameHost(host: string, realm: URL): boolean {
  return new URL(`${realm.protocol}//${host}`).host === realm.host;
}

/** The domain that one party owns, where it can be told without a list of all public suffixes; else undefined. */
function registrableDomain(hostname: string): string | undefined {
  const labels = bareHost(hostname).split('.');
  if (isIP(bareHost(hostname)) !== 0 || labels.length < 2 || labels.includes('')) return undefined;
  const shared = SHARED_SUFFIXES.find((suffix) => hostname === suffix || hostname.endsWith(`.${suffix}`));
  if (shared !== undefined) return undefined;
  const [second = '', top = ''] = labels.slice(-2);
  const isCountry = top.length === 2 && (COUNTRY_SECOND_LEVELS.has(second) || second.length < 3);
  const length = isCountry ? 3 : 2;
  return labels.length < length ? undefined : labels.slice(-length).join('.');
}
