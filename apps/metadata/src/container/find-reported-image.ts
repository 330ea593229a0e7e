import type { ReportedContainer } from '#contracts/bodies/container-report';
import { parseReference, type Reference, withDefaultTag } from '#oci/reference';
import { isRegistryError } from '#oci/registry-error';
import type { Sql } from '../database/database';
import type { FoundImage, HeldImage, ImageNameStore } from '../image/image-name.store';

export type ReportedImage = HeldImage & { readonly tag: string | null };

/**
 * What is held here of what a reporter says it runs; null where nothing is. A digest counts more than a name, whose tag
 * may have moved since: in the repository that is named if it is there, else in any.
 */
export async function findReportedImage(
  sql: Pick<Sql, 'query'>,
  names: ImageNameStore,
  { image, digest }: Pick<ReportedContainer, 'image' | 'digest'>,
): Promise<ReportedImage | null> {
  const find = (text: string) => findOrNot(() => names.find(sql, text));
  if (digest === undefined) return find(image);
  const named = readReference(image);
  const inNamed = named && (await find(`${named.domain}/${named.path}@${digest}`));
  const found = inNamed ?? (await find(digest));
  return found && { ...found, tag: inNamed && named?.digest === undefined ? (named?.tag ?? null) : null };
}

async function findOrNot(find: () => Promise<FoundImage>): Promise<FoundImage | null> {
  try {
    return await find();
  } catch (error) {
    if (isRegistryError(error, 'NOT_FOUND', 'CONFLICT', 'INVALID')) return null;
    throw error;
  }
}

function readReference(text: string): Reference | undefined {
  try {
    return withDefaultTag(parseReference(text));
  } catch {
    return undefined;
  }
}
