import type { IncomingHttpHeaders } from 'node:http';
import { type Expected, MOST_EXPECTED } from '#contracts/bodies/tag';
import { type Digest, isDigest } from '#oci/digest';
import { invalidField } from '#oci/registry-error';

/**
 * What a tag must name for it to be written (RFC 9110, 13.1.1 and 13.1.2): one of the digests in If-Match, anything
 * with `If-Match: *`; none of those in If-None-Match, nothing with `If-None-Match: *`; undefined where the request says
 * neither. Throws INVALID for what cannot be held to.
 */
export function readExpected(headers: IncomingHttpHeaders): Expected | undefined {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match !== undefined && noneMatch !== undefined) throw invalidField('if-none-match', 'cannot be with If-Match');
  if (noneMatch !== undefined) return isStar(noneMatch) ? 'none' : { not: readDigests('if-none-match', noneMatch) };
  if (match === undefined) return undefined;
  if (isStar(match)) return 'any';
  const digests = readDigests('if-match', match);
  return digests.length === 1 ? digests[0] : digests;
}

const isStar = (text: string) => text.trim() === '*';

/** Entity tags of tags are their digests, in quotes; people leave these out. */
function readDigests(field: 'if-match' | 'if-none-match', text: string): Digest[] {
  const digests = text.split(',').map((each) => bareTag(each.trim(), field === 'if-none-match'));
  if (digests.every(isDigest) && digests.length <= MOST_EXPECTED) return digests;
  throw invalidField(
    field,
    `must be *, or 1 to ${MOST_EXPECTED} digests joined by commas, such as "sha256:<64 lowercase hex>"`,
  );
}

/** Weak ones never match where they are compared strongly, as in If-Match (RFC 9110, 8.8.3.2). */
function bareTag(text: string, weakly: boolean): string {
  const [, weak, quoted] = /^(W\/)?"([^"]*)"$/.exec(text) ?? [];
  return weak !== undefined && !weakly ? text : (quoted ?? text);
}
