import { type Digest, digestAlgorithm, digestOf, isDigest } from '#oci/digest';
import { type Manifest, parseManifest } from '#oci/manifest';
import { bareMediaType } from '#oci/media-type';
import { isRegistryError, RegistryError, upstreamFault } from '#oci/registry-error';
import type { Tag } from '#oci/tag';
import type { Upstream } from './upstreams';

export interface FetchedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  /** It was here already, in this repository. */
  readonly isHeld?: true;
}

/** Media types that say nothing about what a manifest is. */
const UNSPECIFIC = new Set(['', 'application/json', 'application/octet-stream', 'binary/octet-stream', 'text/plain']);

type Header = (name: string) => string | undefined;

/** Says plainly what a mistaken address looks like, before its page is read. Throws UPSTREAM. */
export function refuseWebPage(upstream: Upstream, header: Header): void {
  if (bareMediaType(header('content-type') ?? '') !== 'text/html') return;
  const why = 'it answered with a web page instead of a manifest: is it a registry, and is this its address?';
  throw upstreamFault(upstream.domain, why);
}

/** What an upstream's answer holds. Throws UPSTREAM where that is no manifest, or not the one that was asked for. */
export function readFetchedManifest(
  upstream: Upstream,
  reference: Tag | Digest,
  header: Header,
  bytes: Uint8Array,
): FetchedManifest {
  const digest = verifiedDigest(upstream, reference, header('docker-content-digest'), bytes);
  const type = bareMediaType(header('content-type') ?? '');
  try {
    const manifest = parseManifest(bytes, UNSPECIFIC.has(type) ? undefined : type);
    return { digest, bytes, manifest, mediaType: manifest.mediaType };
  } catch (error) {
    if (!isRegistryError(error)) throw error;
    throw new RegistryError('UPSTREAM', `upstream ${upstream.domain}: ${error.message}`, {
      detail: { registry: upstream.domain, rule: error.detail },
    });
  }
}

/** What was asked for by digest must be that; what was asked for by tag must be what the answer says it is. */
function verifiedDigest(
  upstream: Upstream,
  reference: Tag | Digest,
  header: string | undefined,
  bytes: Uint8Array,
): Digest {
  const promised = isDigest(reference) ? reference : header;
  if (promised === undefined || !isDigest(promised)) return digestOf(bytes);
  const actual = digestOf(bytes, digestAlgorithm(promised));
  if (actual === promised) return actual;
  throw upstreamFault(upstream.domain, `it answered with a manifest that is not ${promised} but ${actual}`);
}
