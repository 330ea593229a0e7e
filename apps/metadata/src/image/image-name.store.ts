import { Inject, Injectable } from '@nestjs/common';
import { ownHosts } from '#config/own-hosts';
import type { Digest } from '#oci/digest';
import type { Naming } from '#oci/referenced-repository';
import { conflict, notFound, RegistryError } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import { splitRepositoryName } from '#oci/upstream-name';
import type { Sql } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { inField } from '../operation/check-request';
import { type ImageName, readImageName, readTagName, type TagName } from './read-image-name';

/** An image in a repository. */
export interface HeldImage {
  readonly repositoryId: number;
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

export interface FoundImage extends HeldImage {
  /** The tag that was named, or nothing where the name was no tag's. */
  readonly tag: string | null;
  /** A tag that stood beside a digest: the digest says which image it is, whatever that tag names. */
  readonly besideTag: string | null;
  /** It was named by its id, or by how that begins, in no repository. */
  readonly byId: boolean;
  /** Other repositories that hold what an id named; no more than `MOST_HOLDERS`. */
  readonly others: readonly HeldImage[];
}

type Reading = Pick<Sql, 'query'>;

/** An id is looked for in as many repositories, and one more: who needs all of them says that there are too many. */
export const MOST_HOLDERS = 1000;

/** As many candidates of an ambiguous id as are named. */
const MOST_CANDIDATES = 20;

/** A few hex digits are a name like any other, and whoever types them means an id. */
function missing(reference: string): RegistryError {
  if (!/^(?:sha256:)?[0-9a-f]{1,3}$/.test(reference)) return notFound(`image ${reference}`, { reference });
  const message = `image ${reference} was not found: of an id, give the first four digits or more`;
  return new RegistryError('NOT_FOUND', message, { detail: { reference } });
}

/** Which images a name means now. */
@Injectable()
export class ImageNameStore {
  private readonly naming: Naming;

  constructor(@Inject(METADATA_CONFIG) config: MetadataConfig) {
    this.naming = { ownHosts: ownHosts(config), configuredUpstreams: new Set(config.ENTREPOT_UPSTREAM_HOSTS) };
  }

  /**
   * The image that a name, an id or the beginning of one means; a name of the same letters goes first. Throws INVALID,
   * naming the field, NOT_FOUND, and CONFLICT with the candidates where it is the beginning of several ids.
   */
  async find(sql: Reading, reference: string, field = 'reference'): Promise<FoundImage> {
    const name = inField(field, () => readImageName(reference, this.naming));
    const byName = await findNamed(sql, name);
    if (byName) return byName;
    const [first, ...others] = name.id === null ? [] : await findById(sql, name.id);
    if (!first) throw missing(reference);
    if (others.some(({ digest }) => digest !== first.digest)) throw ambiguous(reference, [first, ...others]);
    return { ...first, tag: null, besideTag: null, byId: true, others };
  }

  /** What a name must be that is ours to give. */
  get localRule(): string {
    const [host] = this.naming.ownHosts;
    return `must be in a repository of this installation, such as ${host}/team/app:1: an upstream's names are its own`;
  }

  /** The repository that a name is fetched into; null where it is no upstream's, or no name. Throws INVALID. */
  fetchedName(reference: string, field: string): RepositoryName | null {
    const { named } = inField(field, () => readImageName(reference, this.naming));
    if (named === null) return null;
    const { kind } = splitRepositoryName(named.repository, this.naming.configuredUpstreams);
    return kind === 'local' ? null : named.repository;
  }

  /** What a name says, whether anything has it or not. Throws INVALID, naming the field. */
  readName(reference: string, field: string): ImageName {
    return inField(field, () => readImageName(reference, this.naming));
  }

  /** A repository and a tag, as a person types them. Throws INVALID, naming the field. */
  readTag(reference: string, field: string): TagName {
    return inField(field, () => readTagName(reference, this.naming));
  }
}

function ambiguous(reference: string, images: readonly HeldImage[]) {
  const digests = [...new Set(images.map(({ digest }) => digest))];
  const candidates = images
    .slice(0, MOST_CANDIDATES)
    .map(({ repository, digest }) => ({ repository, digest, reference: `${repository}@${digest}` }));
  return conflict(`${reference} is the beginning of ${digests.length} images' ids: give more of it`, { candidates });
}

async function findNamed(sql: Reading, { named }: ImageName): Promise<FoundImage | null> {
  if (named === null) return null;
  const { repository, tag, besideTag } = named;
  const [found] = await sql.query<HeldImage>(named.digest === null ? BY_TAG : BY_DIGEST, [
    repository,
    named.digest ?? tag,
  ]);
  return found ? { ...found, tag, besideTag, byId: false, others: [] } : null;
}

const BY_TAG = `
  SELECT r.id AS "repositoryId", r.name AS repository, t.digest
  FROM repository r JOIN tag t ON t.repository_id = r.id WHERE r.name = $1 AND t.name = $2`;

const BY_DIGEST = `
  SELECT r.id AS "repositoryId", r.name AS repository, rm.digest
  FROM repository r JOIN repository_manifest rm ON rm.repository_id = r.id WHERE r.name = $1 AND rm.digest = $2`;

/**
 * By the digest of a manifest or an index, or of a manifest's config (which older Docker calls the image's id; one
 * that an index lists means the index), or by how one of these begins. Of several the first of each come first, so that
 * none of them is behind the many repositories of another.
 */
export const BY_ID = `
  WITH meant AS (
    SELECT digest FROM manifest WHERE digest >= $1 AND digest < $2
    UNION
    SELECT COALESCE(c.parent, b.manifest) FROM manifest_blob b
    LEFT JOIN manifest_child c ON c.held = b.manifest
    WHERE b.role = 'config' AND b.digest >= $1 AND b.digest < $2
  )
  SELECT r.id AS "repositoryId", r.name AS repository, rm.digest
  FROM meant JOIN repository_manifest rm ON rm.digest = meant.digest JOIN repository r ON r.id = rm.repository_id
  ORDER BY row_number() OVER (PARTITION BY rm.digest ORDER BY r.name), r.name, rm.digest LIMIT ${MOST_HOLDERS + 1}`;

/** `g` follows every hex digit. */
function findById(sql: Reading, beginning: string): Promise<HeldImage[]> {
  return sql.query<HeldImage>(BY_ID, [beginning, `${beginning}g`]);
}
