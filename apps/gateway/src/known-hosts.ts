import { isIP } from 'node:net';

const HOST = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(?::[0-9]*)?$/;

/**
 * Whether a Host header names us. An address always does: a page that a browser was lured to reaches us by a name that
 * its owner made resolve to our address (DNS rebinding), never by an address.
 */
export function isKnownHost(header: string, names: ReadonlySet<string>): boolean {
  const name = hostName(header);
  if (name === undefined) return false;
  return name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0 || names.has(name);
}

/** Whether a browser's page from elsewhere asks. `null` (a sandboxed page, a file) is elsewhere. */
export function isForeignOrigin(origin: string, header: string): boolean {
  if (header === '' || !URL.canParse(origin)) return true;
  return new URL(origin).host !== header.toLowerCase();
}

/** The names in `hosts` (`host` or `host:port`), as `isKnownHost` wants them. */
export function hostNames(hosts: readonly string[]): ReadonlySet<string> {
  return new Set(hosts.map((host) => hostName(host) ?? host));
}

/** Without its port, lowercase; undefined where it is none. */
function hostName(header: string): string | undefined {
  return HOST.exec(header.toLowerCase())?.[1];
}
