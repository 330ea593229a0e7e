import type { IncomingHttpHeaders } from 'node:http';
import { precondition } from '#oci/registry-error';

/** The entity tag of content that is named by its digest. */
export function etagOf(digest: string): string {
  return `"${digest}"`;
}

/** RFC 9110, 13.1.1: the client wants this content or none, and compares strongly. Throws PRECONDITION. */
export function checkIfMatch(headers: IncomingHttpHeaders, etag: string): void {
  const wanted = headers['if-match']?.split(',').map((tag) => tag.trim());
  if (wanted === undefined || wanted.includes(etag) || wanted.includes('*')) return;
  throw precondition(`what is here has the entity tag ${etag}`);
}

/** RFC 9110, 13.1.2: whether the client has it already, so that 304 is the answer. Compared weakly. */
export function isHeldByClient(headers: IncomingHttpHeaders, etag: string): boolean {
  const header = headers['if-none-match'];
  if (header === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

const CONDITIONS = ['if-match', 'if-none-match', 'if-range', 'if-modified-since', 'if-unmodified-since'];

/** A client that is sent elsewhere takes its conditions there, where other entity tags are known. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return CONDITIONS.some((name) => headers[name] !== undefined);
}

/**
 * A client that logged in here takes its login along to another port of the same host, as Go's do; storage refuses a
 * link that comes with one.
 */
export function carriesLogin(headers: IncomingHttpHeaders, location: string): boolean {
  if (headers.authorization === undefined || !URL.canParse(`http://${headers.host}`)) return false;
  return new URL(`http://${headers.host}`).hostname === new URL(location).hostname;
}

/**
 * RFC 9110, 13.1.5: the Range header, where it counts. If-Range must be our strong entity tag: content has no date, so
 * a date never matches, and the whole is answered.
 */
export function rangeAsked(headers: IncomingHttpHeaders, etag: string): string | undefined {
  const condition = headers['if-range'];
  return condition === undefined || condition === etag ? headers.range : undefined;
}
