import { Inject, Injectable } from '@nestjs/common';
import { ownHosts } from '#config/own-hosts';
import { conflict, notFound } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { inField } from '../operation/check-request';
import type { NamedImage } from '../operation/operation-rows';
import { type ImageName, type Naming, readImageName } from './read-image-name';

/** An image in a repository. */
interface HeldImage {
  readonly repositoryId: number;
  readonly repository: string;
  readonly digest: string;
}

/** Which images a name means now. */
@Injectable()
export class ImageNameStore {
  private readonly naming: Naming;

  constructor(@Inject(METADATA_CONFIG) config: MetadataConfig) {
    this.naming = { ownHosts: ownHosts(config), configuredUpstreams: new Set(config.ENTREPOT_UPSTREAM_HOSTS) };
  }

  /**
   * What a remove will act on, as its reference names it at this moment. Throws INVALID, NOT_FOUND, and CONFLICT for an id
   * that is the beginning of several, or that several repositories hold and `force` is not set.
   */
  async findRemoved(sql: Sql, body: Record<string, unknown>): Promise<NamedImage> {
    const { reference, force } = body as { reference: string; force: boolean };
    const name = inField('reference', () => readImageName(reference, this.naming));
    const byName = await findNamed(sql, name);
    if (byName) return byName;
    const [first, ...others] = name.id === null ? [] : await findById(sql, name.id);
    if (!first) throw notFound(`image ${reference}`, { reference });
    if (others.some(({ digest }) => digest !== first.digest)) {
      throw conflict(`${reference} is the beginning of several images' ids: give more of it`);
    }
    if (others.length > 0 && !force) {
      const repositories = [first, ...others].map(({ repository }) => repository);
      throw conflict(`the image is in ${repositories.join(' and ')}: name one of them, or force`, { repositories });
    }
    return { repository: first.repository, tag: null, digest: first.digest, removes: [first, ...others] };
  }
}

async function findNamed(sql: Sql, { named }: ImageName): Promise<NamedImage | null> {
  if (named === null) return null;
  const { repository, tag } = named;
  const [found] = await sql.query<HeldImage>(named.digest === null ? BY_TAG : BY_DIGEST, [
    repository,
    named.digest ?? tag,
  ]);
  return found ? { repository, tag, digest: found.digest, removes: [found] } : null;
}

const BY_TAG = `
  SELECT r.id AS "repositoryId", r.name AS repository, t.digest
  FROM repository r JOIN tag t ON t.repository_id = r.id WHERE r.name = $1 AND t.name = $2`;

const BY_DIGEST = `
  SELECT r.id AS "repositoryId", r.name AS repository, rm.digest
  FROM repository r JOIN repository_manifest rm ON rm.repository_id = r.id WHERE r.name = $1 AND rm.digest = $2`;

/**
 * By the digest of a manifest or an index, or of a manifest's config (which older Docker calls the image's id; one
 * that an index lists means the index), or by how one of these begins. At most a page: more is ambiguous anyway.
 */
const BY_ID = `
  WITH meant AS (
    SELECT digest FROM manifest WHERE digest >= $1 AND digest < $2
    UNION
    SELECT COALESCE(c.parent, b.manifest) FROM manifest_blob b
    LEFT JOIN manifest_child c ON c.held = b.manifest
    WHERE b.role = 'config' AND b.digest >= $1 AND b.digest < $2
  )
  SELECT r.id AS "repositoryId", r.name AS repository, rm.digest
  FROM meant JOIN repository_manifest rm ON rm.digest = meant.digest JOIN repository r ON r.id = rm.repository_id
  ORDER BY r.name, rm.digest LIMIT 100`;

/** `g` follows every hex digit. */
function findById(sql: Sql, beginning: string): Promise<HeldImage[]> {
  return sql.query<HeldImage>(BY_ID, [beginning, `${beginning}g`]);
}
