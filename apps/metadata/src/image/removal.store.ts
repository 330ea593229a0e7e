import { Injectable } from '@nestjs/common';
import type { RemoveBody } from '#contracts/bodies/remove';
import { type Digest, isDigest } from '#oci/digest';
import { conflict, isRegistryError, notFound, RegistryError } from '#oci/registry-error';
import { isPutAway } from '../container/is-put-away';
import type { Sql } from '../database/database';
import type { NamedImage, NamedRemoval } from '../operation/operation-rows';
import { refuseUnconfirmed } from './confirm-removal';
import { type HeldImage, ImageNameStore, MOST_HOLDERS } from './image-name.store';

/** As many images as have a layer that is to go; a layer of more is that of a base image. */
const MOST_OF_A_LAYER = 1000;

type Asked = Pick<RemoveBody, 'force' | 'now'>;

/** What removes will act on, as their references name it when they are accepted. */
@Injectable()
export class RemovalStore {
  constructor(private readonly names: ImageNameStore) {}

  /**
   * Throws INVALID, naming the field; NOT_FOUND and CONFLICT where nothing is named that can be removed; PRECONDITION
   * where it is to go now and that was not confirmed, with what confirms it.
   */
  async find(sql: Sql, body: RemoveBody): Promise<NamedImage> {
    const asked = body.references ?? [body.reference!];
    const found = new Map<string, NamedRemoval>();
    const refusals: RegistryError[] = [];
    for (const [at, reference] of asked.entries()) {
      const field = body.references ? `references.${at}` : 'reference';
      const each = await this.findOne(sql, reference, field, body).catch(asRefusal);
      if (each instanceof Error) refusals.push(each);
      else for (const image of each) found.set(`${image.repositoryId}:${image.tag ?? ''}@${image.digest}`, image);
    }
    const removes = [...found.values()];
    const [first] = removes;
    if (!first) throw refusals[0]!;
    if (body.now) await refuseUnconfirmed(sql, removes, body.confirm);
    const { repository, tag, digest } = first;
    return { repository, tag, digest, removes, left: refusals.map(({ message }) => message) };
  }

  private async findOne(sql: Sql, reference: string, field: string, asked: Asked): Promise<NamedRemoval[]> {
    const digest = wholeDigest(reference);
    const layer = async (error: unknown) => {
      if (!isRegistryError(error, 'NOT_FOUND') || digest === null) throw error;
      return this.findLayer(sql, digest, asked, error);
    };
    const found = await this.names.find(sql, reference, field).catch(layer);
    if (Array.isArray(found)) return found;
    const { tag, besideTag, byId, others, ...first } = found;
    if (tag !== null) return [{ ...held(first), tag }];
    if (besideTag !== null) return [await readBoth(sql, first, besideTag)];
    if (others.length >= MOST_HOLDERS) throw tooMany(reference);
    const images: HeldImage[] = [];
    // What was removed before and waits to go is removed again only to go now.
    for (const image of [first, ...others]) if (asked.now || !(await isPutAway(sql, image))) images.push(image);
    if (images.length === 0) throw removedAlready(first, reference);
    if (byId && !asked.force) await refuseSeveral(sql, images);
    return images.map((image) => ({ ...held(image), tag: null }));
  }

  /** All images that have a layer, the indexes before what they list. */
  private async findLayer(sql: Sql, layer: Digest, { now }: Asked, missing: RegistryError): Promise<NamedRemoval[]> {
    const images = await sql.query<HeldImage>(OF_A_LAYER, [layer, MOST_OF_A_LAYER + 1]);
    const [first] = images;
    if (!first) throw missing;
    const count = images.length > MOST_OF_A_LAYER ? `more than ${MOST_OF_A_LAYER}` : images.length;
    const what = `${layer} is no image, but bytes of ${count}, such as ${first.repository}@${first.digest}`;
    if (!now) throw conflict(`${what}: remove these, or, with now, all of them for good`);
    if (images.length > MOST_OF_A_LAYER) throw conflict(`${what}: that is too many to go at once`);
    return images.map((image) => ({ ...held(image), tag: null }));
  }
}

const held = ({ repositoryId, repository, digest }: HeldImage) => ({ repositoryId, repository, digest });

/** Who gives both a tag and a digest means that tag, and says what it names. Throws NOT_FOUND, CONFLICT. */
async function readBoth(sql: Sql, image: HeldImage, tag: string): Promise<NamedRemoval> {
  const name = `${image.repository}:${tag}`;
  const [row] = await sql.query<{ digest: string }>('SELECT digest FROM tag WHERE repository_id = $1 AND name = $2', [
    image.repositoryId,
    tag,
  ]);
  if (!row) throw notFound(`tag ${name}`, { reference: `${name}@${image.digest}` });
  if (row.digest === image.digest) return { ...held(image), tag };
  throw conflict(
    `${name} names ${row.digest}, not ${image.digest}: remove ${name}, or ${image.repository}@${image.digest}`,
    {
      digest: row.digest,
    },
  );
}

const tooMany = (reference: string) =>
  conflict(`${reference} is in more than ${MOST_HOLDERS} repositories, too many to go at once: name one of them`);

const removedAlready = ({ repository, digest }: HeldImage, reference: string) =>
  new RegistryError('NOT_FOUND', `${repository}@${digest} was removed already`, { detail: { reference } });

function wholeDigest(reference: string): Digest | null {
  const text = /^[0-9a-f]{64}$/.test(reference) ? `sha256:${reference}` : reference;
  return isDigest(text) ? text : null;
}

function asRefusal(error: unknown): RegistryError {
  if (isRegistryError(error, 'NOT_FOUND', 'CONFLICT')) return error;
  throw error;
}

/** An id says neither which of several repositories nor which of several tags is meant: Docker refuses it too. */
async function refuseSeveral(sql: Sql, images: readonly HeldImage[]): Promise<void> {
  const named = await sql.query<{ name: string }>(
    `SELECT repository.name || ':' || tag.name AS name FROM unnest($1::bigint[], $2::text[]) AS image (repository_id, digest)
      JOIN tag ON tag.repository_id = image.repository_id AND tag.digest = image.digest
      JOIN repository ON repository.id = image.repository_id ORDER BY repository.name, tag.name LIMIT 20`,
    [images.map(({ repositoryId }) => repositoryId), images.map(({ digest }) => digest)],
  );
  const repositories = images.map(({ repository }) => repository);
  const names = named.map(({ name }) => name);
  if (repositories.length > 1) {
    const where = repositories.slice(0, 20).join(' and ');
    throw conflict(`the image is in ${where}: name one of them, or force`, { repositories, names });
  }
  if (names.length < 2) return;
  const { repository, digest } = images[0]!;
  const several = names.slice(0, 5).join(' and ');
  throw conflict(
    `the image has several names, ${several}: remove one of them, all of them as ${repository}@${digest}, or force`,
    { repositories, names },
  );
}

const OF_A_LAYER = `
  WITH RECURSIVE holding (repository_id, digest, depth) AS (
    SELECT visible.repository_id, visible.digest, 0 FROM manifest_blob AS listed
    JOIN repository_manifest AS visible ON visible.digest = listed.manifest WHERE listed.digest = $1
    UNION
    SELECT visible.repository_id, visible.digest, depth + 1 FROM holding
    JOIN manifest_child AS child ON child.held = holding.digest
    JOIN repository_manifest AS visible ON visible.repository_id = holding.repository_id AND visible.digest = child.parent
    WHERE depth < 4
  )
  SELECT holding.repository_id AS "repositoryId", repository.name AS repository, holding.digest
  FROM holding
  CROSS JOIN LATERAL (SELECT name FROM repository WHERE id = holding.repository_id OFFSET 0) AS repository
  WHERE EXISTS (SELECT FROM tag WHERE tag.repository_id = holding.repository_id AND tag.digest = holding.digest)
    OR NOT EXISTS (SELECT FROM manifest_child AS child JOIN repository_manifest AS above
      ON above.repository_id = holding.repository_id AND above.digest = child.parent WHERE child.held = holding.digest)
  GROUP BY holding.repository_id, repository.name, holding.digest
  ORDER BY max(depth) DESC, repository.name, holding.digest LIMIT $2`;
