import type { Digest } from '#oci/digest';
import { parseReference, withDefaultTag } from '#oci/reference';
import { type Naming, referencedRepository } from '#oci/referenced-repository';
import { nameInvalid } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import type { Tag } from '#oci/tag';
import { splitRepositoryName } from '#oci/upstream-name';

export interface ImageName {
  /** Where a name was given: the repository, and the digest or else the tag in it; the tag that stood beside a digest. */
  readonly named: {
    readonly repository: RepositoryName;
    readonly tag: Tag | null;
    readonly besideTag: Tag | null;
    readonly digest: Digest | null;
  } | null;
  /** Where it may be an id, or the beginning of one: `sha256:` and hex digits. A name of the same letters goes first. */
  readonly id: string | null;
}

const WHOLE_ID = /^(?:sha256:[0-9a-f]{4,64}|sha512:[0-9a-f]{4,128}|[0-9a-f]{64})$/;
const SHORT_ID = /^[0-9a-f]{4,63}$/;

/** Reads what a person types to name an image that is here. Throws NAME_INVALID, DIGEST_INVALID. */
export function readImageName(text: string, naming: Naming): ImageName {
  if (WHOLE_ID.test(text)) return { named: null, id: text.includes(':') ? text : `sha256:${text}` };
  const reference = withDefaultTag(parseReference(text));
  const { tag = null, digest = null } = reference;
  const tags = digest === null ? { tag, besideTag: null } : { tag: null, besideTag: tag };
  const named = { repository: referencedRepository(reference, naming), ...tags, digest };
  return { named, id: SHORT_ID.test(text) ? `sha256:${text}` : null };
}

/** A tag in a repository. */
export interface TagName {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  /** An upstream's names are not ours to give. */
  readonly isLocal: boolean;
}

/** Reads what a person types to name a tag, there or not. Throws NAME_INVALID, DIGEST_INVALID. */
export function readTagName(text: string, naming: Naming): TagName {
  const { digest, ...reference } = parseReference(text);
  if (digest !== undefined) throw nameInvalid(text, 'a tag is named here, without a digest');
  const repository = referencedRepository(reference, naming);
  const isLocal = splitRepositoryName(repository, naming.configuredUpstreams).kind === 'local';
  return { repository, tag: withDefaultTag(reference).tag!, isLocal };
}
