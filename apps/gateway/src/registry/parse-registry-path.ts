import { type Digest, parseDigest } from '#oci/digest';
import { nameInvalid, notFound } from '#oci/registry-error';
import { parseRepositoryName, type RepositoryName } from '#oci/repository-name';
import { parseTag, type Tag } from '#oci/tag';

export type ManifestReference = { readonly tag: Tag } | { readonly digest: Digest };

/** What a path under `/v2/` asks for. */
export type RegistryPath =
  | { readonly kind: 'ping' }
  | { readonly kind: 'manifest'; readonly name: RepositoryName; readonly reference: ManifestReference }
  | { readonly kind: 'blob'; readonly name: RepositoryName; readonly digest: Digest }
  | { readonly kind: 'tags'; readonly name: RepositoryName }
  | { readonly kind: 'referrers'; readonly name: RepositoryName; readonly digest: Digest }
  | { readonly kind: 'uploads'; readonly name: RepositoryName; readonly session?: string };

const PING: RegistryPath = { kind: 'ping' };

/**
 * Reads a request target (`/v2/a/b/blobs/sha256:…?x=y`), still percent-encoded. A name may have slashes, so its end is
 * found from the right. Each segment is decoded once, and what it hides (a slash, a NUL) is refused with the name's own
 * rules, so that no two spellings reach one thing by different checks.
 *
 * Throws NAME_INVALID, DIGEST_INVALID, or NOT_FOUND for what is no endpoint.
 */
export function parseRegistryPath(target: string): RegistryPath {
  const path = pathOf(target);
  if (path === '/v2' || path === '/v2/') return PING;
  if (!path.startsWith('/v2/')) throw notFound('this path', { path: path.slice(0, 300) });
  const segments = path.slice('/v2/'.length).split('/').map(decodeSegment);
  const last = segments.at(-1)!;
  const before = segments.at(-2);
  const nameUntil = (end: number) => parseRepositoryName(segments.slice(0, end).join('/'));
  if (segments.at(-3) === 'blobs' && before === 'uploads') {
    const name = nameUntil(-3);
    return last === '' ? { kind: 'uploads', name } : { kind: 'uploads', name, session: last };
  }
  if (before === 'tags' && last === 'list') return { kind: 'tags', name: nameUntil(-2) };
  if (before === 'blobs' && last === 'uploads') return { kind: 'uploads', name: nameUntil(-2) };
  if (before === 'manifests') return { kind: 'manifest', name: nameUntil(-2), reference: parseManifestReference(last) };
  if (before === 'blobs') return { kind: 'blob', name: nameUntil(-2), digest: parseDigest(last) };
  if (before === 'referrers') return { kind: 'referrers', name: nameUntil(-2), digest: parseDigest(last) };
  throw notFound('this path of the registry API', { path: path.slice(0, 300) });
}

/** A colon makes it a digest: no tag may have one. */
function parseManifestReference(text: string): ManifestReference {
  return text.includes(':') ? { digest: parseDigest(text) } : { tag: parseTag(text) };
}

/** The path of a request target in origin or absolute form, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  return path.startsWith('/') ? path : path.replace(/^https?:\/\/[^/]*/i, '');
}

/** The query of a request target; empty where it has none. */
export function queryOf(target: string): URLSearchParams {
  const query = target.indexOf('?');
  return new URLSearchParams(query === -1 ? '' : target.slice(query + 1));
}

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    throw nameInvalid(segment, 'it is not valid percent-encoding');
  }
  if (decoded.includes('/')) throw nameInvalid(segment, 'a slash must not be percent-encoded');
  return decoded;
}
