import { isImageIndex } from '#oci/media-type';
import { bestPlatform, formatPlatform, type Platform } from '#oci/platform';
import { invalidField } from '#oci/registry-error';

/** A child of an index, in its order. */
export interface ListedChild {
  readonly digest: string;
  readonly mediaType: string;
  readonly platform?: Platform | undefined;
  readonly annotations: Readonly<Record<string, string>> | null;
}

/** BuildKit's mark on a manifest that describes another one of the same index. */
const REFERENCE_TYPE = 'vnd.docker.reference.type';

/**
 * Which child of an index a container of this platform runs: the one Docker would choose, else one that says no
 * platform, else an index inside. Throws INVALID, listing the platforms there are.
 */
export function chooseImage<Child extends ListedChild>(children: readonly Child[], platform: Platform): Child {
  const images = children.filter((child) => !isAttestation(child));
  const unsaid = images.filter((child) => child.platform === undefined);
  const chosen =
    bestPlatform(platform, images) ??
    unsaid.find(({ mediaType }) => !isImageIndex(mediaType)) ??
    unsaid.find(({ mediaType }) => isImageIndex(mediaType));
  if (chosen) return chosen;
  const offered = [...new Set(images.flatMap((child) => (child.platform ? [formatPlatform(child.platform)] : [])))];
  const there = offered.length === 0 ? 'it lists no image' : `there are ${offered.join(', ')}`;
  throw invalidField('platform', `the image is not built for ${formatPlatform(platform)}; ${there}`);
}

function isAttestation({ platform, annotations }: ListedChild): boolean {
  return platform?.os === 'unknown' || annotations?.[REFERENCE_TYPE] === 'attestation-manifest';
}
