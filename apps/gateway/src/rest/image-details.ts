import type { ImageMember, InspectImage, ReadImageParts } from '#contracts/calls/inspect';
import type { AnswerOf } from '#contracts/define-call';
import type { ImageConfig } from '#oci/image-config';
import { formatPlatform } from '#oci/platform';
import { isAttestation } from './choose-member';
import { joinHistory } from './join-history';
import type { ImageDetails } from './routes/inspect';

type Inspected = AnswerOf<typeof InspectImage>;
type Parts = AnswerOf<typeof ReadImageParts>;

/** An image as people look at it: what metadata knows, and what its config says. */
export function detailsOf(
  image: Inspected,
  chosen: ImageMember | null,
  parts: Parts,
  config: ImageConfig | null,
): ImageDetails {
  const { own, members, upstream, ...known } = image;
  const { mediaType, artifactType, annotations } = own;
  const shown = members.map((member) =>
    member.digest === chosen?.digest && config ? withPlatformOf(member, config) : member,
  );
  return {
    ...known,
    id: image.digest,
    mediaType,
    artifactType,
    annotations,
    complete: members.filter(({ held }) => held).every(({ complete }) => complete),
    source: { kind: upstream === null ? 'pushed' : 'fetched', upstream },
    platforms: shown.filter((member) => !isAttestation(member)).map(memberLine),
    attestations: shown.filter(isAttestation).map(memberLine),
    manifest: chosen?.digest ?? null,
    config: config && configOf(config),
    history: joinHistory(config?.history ?? [], parts.layers).map(
      ({ created = null, createdBy = null, author = null, comment = null, layer }) => ({
        created,
        createdBy,
        author,
        comment,
        layer,
      }),
    ),
    layers: parts.layers,
  };
}

function withPlatformOf(member: ImageMember, { os, architecture, variant }: ImageConfig): ImageMember {
  if (member.platform !== null || os === '') return member;
  return { ...member, platform: { os, architecture, ...(variant ? { variant } : {}) } };
}

function memberLine({ platform, digest, mediaType, held, complete, size }: ImageMember) {
  return { platform: platform === null ? null : formatPlatform(platform), digest, mediaType, held, complete, size };
}

function configOf({ os, architecture, variant, created, author, config }: ImageConfig) {
  const { user, workingDir, stopSignal, healthcheck, ...lists } = config;
  return {
    ...lists,
    platform: formatPlatform({ os, architecture, ...(variant ? { variant } : {}) }),
    created: created ?? null,
    author: author ?? null,
    workingDir: workingDir ?? '',
    user: user ?? '',
    stopSignal: stopSignal ?? null,
    healthcheck: healthcheck ?? null,
  };
}
