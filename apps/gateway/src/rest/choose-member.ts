import type { ImageMember } from '#contracts/calls/inspect';
import { bestPlatform, formatPlatform, type Platform } from '#oci/platform';
import { notFound } from '#oci/registry-error';

/** What BuildKit attests about an image lies beside it in its index, as `unknown/unknown`. */
export const isAttestation = ({ platform }: ImageMember): boolean =>
  platform !== null && (platform.os === 'unknown' || platform.architecture === 'unknown');

/**
 * The one that is looked into: the best match of the platform that was asked for, else of this machine's, else the first
 * that is here; null where none is. Throws NOT_FOUND, naming the platforms there are, where none is what was asked for.
 */
export function chooseMember(
  members: readonly ImageMember[],
  asked: Platform | undefined,
  own: Platform,
): ImageMember | null {
  const runnable = members.filter((member) => !isAttestation(member));
  const [first] = runnable;
  if (asked === undefined) {
    const best = bestOf(runnable, own);
    return best?.held ? best : (runnable.find(({ held }) => held) ?? first ?? null);
  }
  const best = bestOf(runnable, asked);
  if (best) return best;
  const platforms = runnable.flatMap(({ platform }) => (platform === null ? [] : [formatPlatform(platform)]));
  const there =
    platforms.length === 0 ? 'it says none' : `there ${platforms.length === 1 ? 'is' : 'are'} ${platforms.join(', ')}`;
  throw notFound(`platform ${formatPlatform(asked)} of this image (${there})`, { platforms });
}

function bestOf(members: readonly ImageMember[], wanted: Platform): ImageMember | undefined {
  const offered = members.map((member) => ({ member, platform: member.platform ?? undefined }));
  return bestPlatform(wanted, offered)?.member;
}
