import { isRepositoryName } from '#oci/repository-name';
import { splitRepositoryName } from '#oci/upstream-name';

/** A repository as one types it in a reference: an upstream's by its domain, one of our own by the host of the server. */
export function pasteName(repository: string, host: string): string {
  const ours = `${host}/${repository}`;
  if (!isRepositoryName(repository)) return ours;
  try {
    const split = splitRepositoryName(repository, new Set());
    return split.kind === 'local' ? ours : `${split.domain}/${split.path}`;
  } catch {
    return ours;
  }
}

/** A name as the server says it of what it did, `team/app:1` or `team/app@sha256:…`, as one types it. */
export function pasteStored(name: string, host: string): string {
  const [, repository = name, rest = ''] = /^([^:@]+)([:@].+)$/.exec(name) ?? [];
  return `${pasteName(repository, host)}${rest}`;
}

/** What names an image again: by each of its tags, or by its digest where it has none. */
export function pasteImage(
  { repository, tags, digest }: { repository: string; tags: readonly string[]; digest: string },
  host: string,
): string[] {
  const name = pasteName(repository, host);
  return tags.length === 0 ? [`${name}@${digest}`] : tags.map((tag) => `${name}:${tag}`);
}
