import type { PullBody } from '#contracts/bodies/pull';
import type { Descriptor } from '#oci/descriptor';
import { type ImageIndex, manifestReferences, type OtherManifest } from '#oci/manifest';
import { isImageIndex } from '#oci/media-type';
import { bestPlatform, formatPlatform, type Platform, parsePlatform } from '#oci/platform';
import { invalidField } from '#oci/registry-error';

/** BuildKit's mark on a manifest that describes another one of the same index. */
const REFERENCE_TYPE = 'vnd.docker.reference.type';

/**
 * Which children of an index are fetched: for each platform that is asked for, the one Docker would choose; an index
 * inside says no platform and is always looked into. Throws INVALID, listing the platforms there are, where one is missing.
 */
export function planFetch(
  index: ImageIndex | OtherManifest,
  platforms: PullBody['platforms'],
  host: Platform,
): readonly Descriptor[] {
  const { children } = manifestReferences(index);
  if (platforms === 'all') return children;
  const images = children.filter((child) => !isAttestation(child));
  const wanted = platforms === 'host' ? [host] : platforms.map(parsePlatform);
  const nested = images.filter((child) => child.platform === undefined && isImageIndex(child.mediaType));
  const unsaid = images.filter((child) => child.platform === undefined && !isImageIndex(child.mediaType));
  const chosen = new Set<Descriptor>(nested);
  for (const platform of wanted) {
    const best = bestPlatform(platform, images);
    for (const child of best === undefined ? unsaid : [best]) chosen.add(child);
    if (best === undefined && unsaid.length === 0 && nested.length === 0 && images.length > 0)
      throw missing(platform, images);
  }
  return children.filter((child) => chosen.has(child));
}

function isAttestation({ platform, annotations }: Descriptor): boolean {
  return platform?.os === 'unknown' || annotations?.[REFERENCE_TYPE] === 'attestation-manifest';
}

function missing(wanted: Platform, images: readonly Descriptor[]) {
  const offered = images.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  const listed = [...new Set(offered)].join(', ');
  return invalidField('platforms', `the image is not built for ${formatPlatform(wanted)}; there are ${listed}`);
}
