import { createHash } from 'node:crypto';
import { MOST_NAMES, type UnconfirmedRemoval } from '#contracts/bodies/remove';
import { precondition } from '#oci/registry-error';
import type { Sql } from '../database/database';
import type { NamedRemoval } from '../operation/operation-rows';

interface Going {
  /** Names that go: of an image all of its tags. */
  readonly names: readonly string[];
  /** Images that go with their last name. */
  readonly images: readonly string[];
  /** Images that stay by other names. */
  readonly staying: readonly string[];
  readonly blobs: number;
  readonly bytes: number;
  /** Repositories whose other images have some of these bytes: they keep them. */
  readonly sharing: readonly string[];
}

/**
 * What goes now does not come back. Where it is more than one image, or others have some of the same bytes (which stay
 * with them, a leaked secret too), that is said first, and done once it was confirmed. What confirms it is made of what
 * was said: where that is not so any more, it is said anew. Throws PRECONDITION.
 */
export async function refuseUnconfirmed(sql: Sql, removes: readonly NamedRemoval[], confirm?: string): Promise<void> {
  const going = await readGoing(sql, removes);
  const said = createHash('sha256').update(JSON.stringify(going)).digest('hex').slice(0, 32);
  const isPlain = going.images.length <= 1 && going.sharing.length === 0;
  if (confirm === said || (confirm === undefined && isPlain)) return;
  const changed = confirm === undefined ? '' : 'things are not as they were confirmed. ';
  const unconfirmed: UnconfirmedRemoval = { goes: `${changed}${sentence(going)}.`, confirm: said };
  throw precondition(`${unconfirmed.goes} To have that done, ask again with confirm ${said}`, {
    ...unconfirmed,
    names: going.names.slice(0, MOST_NAMES),
    nameCount: going.names.length,
    images: going.images.slice(0, MOST_NAMES),
    imageCount: going.images.length,
    stays: going.staying.slice(0, MOST_NAMES),
    blobs: going.blobs,
    bytes: going.bytes,
    sharedWith: going.sharing.slice(0, MOST_NAMES),
    sharedWithCount: going.sharing.length,
  });
}

function sentence({ names, images, staying, blobs, bytes, sharing }: Going): string {
  const what = [...names, ...images];
  const more = what.length > 3 ? ` and ${what.length - 3} more` : '';
  const goes = `This removes ${what.slice(0, 3).join(', ')}${more} for good, at once`;
  const stay = staying.length === 0 ? '' : `; ${staying[0]} stays by its other names`;
  if (images.length === 0) return `${goes}${stay}`;
  const of = `; of its ${blobs} blobs (${bytes} bytes)`;
  if (sharing.length === 0) return `${goes}${stay}${of} no other image has any`;
  const where = sharing.slice(0, 10).join(', ') + (sharing.length > 10 ? ` and ${sharing.length - 10} more` : '');
  return `${goes}${stay}${of} other images have some, and keep them, in ${where}`;
}

async function readGoing(sql: Sql, removes: readonly NamedRemoval[]): Promise<Going> {
  const asked = [
    removes.map(({ repositoryId }) => repositoryId),
    removes.map(({ digest }) => digest),
    removes.map(({ tag }) => tag),
  ];
  const named = await sql.query<{
    image: string;
    name: string | null;
    repositoryId: number;
    digest: string;
    whole: boolean;
  }>(NAMES, asked);
  const going = named.filter(({ whole }) => whole);
  const [bytes] = await sql.query<Pick<Going, 'blobs' | 'bytes' | 'sharing'>>(BYTES, [
    going.map(({ repositoryId }) => repositoryId),
    going.map(({ digest }) => digest),
  ]);
  const unique = (texts: readonly string[]) => [...new Set(texts)].sort();
  return {
    names: unique(named.flatMap(({ name }) => (name === null ? [] : [name]))),
    images: unique(going.map(({ image }) => image)),
    staying: unique(named.filter(({ whole }) => !whole).map(({ image }) => image)),
    ...bytes!,
  };
}

/** A row for each name that goes, or one without a name; `whole`: whether its image has no other. */
const NAMES = `
  WITH asked AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]) AS asked (repository_id, digest, tag)),
  going AS (
    SELECT asked.repository_id, asked.digest, tag.name FROM asked LEFT JOIN tag
      ON tag.repository_id = asked.repository_id AND tag.digest = asked.digest
      AND (asked.tag IS NULL OR tag.name = asked.tag)
  )
  SELECT repository.name || '@' || going.digest AS image, repository.name || ':' || going.name AS name,
    going.repository_id AS "repositoryId", going.digest,
    NOT EXISTS (SELECT FROM tag WHERE tag.repository_id = going.repository_id AND tag.digest = going.digest
      AND NOT EXISTS (SELECT FROM going AS other WHERE other.repository_id = tag.repository_id
        AND other.digest = tag.digest AND other.name = tag.name)) AS whole
  FROM going JOIN repository ON repository.id = going.repository_id`;

/** Of these images and what they hold: their blobs, and who else in which repository lists one of them. */
const BYTES = `
  WITH RECURSIVE tree (repository_id, digest) AS (
    SELECT repository_id, digest COLLATE "C" FROM unnest($1::bigint[], $2::text[]) AS going (repository_id, digest)
    UNION
    SELECT tree.repository_id, child.held FROM tree JOIN manifest_child AS child ON child.parent = tree.digest
    JOIN repository_manifest AS visible ON visible.repository_id = tree.repository_id AND visible.digest = child.held
  ), blobs AS (
    SELECT DISTINCT listed.digest, listed.size FROM tree JOIN manifest_blob AS listed ON listed.manifest = tree.digest
  )
  SELECT count(*) AS blobs, coalesce(sum(size), 0)::bigint AS bytes,
    ARRAY(SELECT DISTINCT repository.name FROM blobs JOIN manifest_blob AS listed ON listed.digest = blobs.digest
      JOIN repository_manifest AS visible ON visible.digest = listed.manifest
      JOIN repository ON repository.id = visible.repository_id
      WHERE NOT EXISTS (SELECT FROM tree
        WHERE tree.repository_id = visible.repository_id AND tree.digest = visible.digest)
      ORDER BY repository.name) AS sharing
  FROM blobs`;
