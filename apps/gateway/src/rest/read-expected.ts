import type { IncomingHttpHeaders } from 'node:http';
import { type Digest, isDigest } from '#oci/digest';
import { invalidField } from '#oci/registry-error';

/**
 * What a tag must name for it to be written (RFC 9110, 13.1.1 and 13.1.2): the digest in If-Match, or nothing with
 * `If-None-Match: *`; undefined where the request says neither. Throws INVALID for what cannot be held to.
 */
export function readExpected(headers: IncomingHttpHeaders): Digest | 'none' | undefined {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match !== undefined && noneMatch !== undefined) throw invalidField('if-none-match', 'cannot be with If-Match');
  if (noneMatch !== undefined) return readNone(noneMatch);
  return match === undefined ? undefined : readDigest(match);
}

function readNone(text: string): 'none' {
  if (text.trim() === '*') return 'none';
  throw invalidField('if-none-match', 'must be *: that the tag must be new');
}

/** Entity tags of tags are their digests, in quotes; people leave these out. */
function readDigest(text: string): Digest {
  const [, quoted, bare] = /^\s*(?:"([^"]*)"|([^"\s]*))\s*$/.exec(text) ?? [];
  const digest = quoted ?? bare ?? '';
  if (isDigest(digest)) return digest;
  throw invalidField('if-match', 'must be one digest, such as "sha256:<64 lowercase hex>": what the tag must name now');
}
