import { Inject, Injectable } from '@nestjs/common';
import { ManifestCommitted } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { conflict } from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';
import type { Sql } from '../database/database';
import { lockBlobs, lockFamily, lockManifests, lockVisible } from '../database/locks';
import type { HeldImage } from '../image/image-name.store';
import { noteManifests, noteRights } from '../journal/note-journal';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { recordFacts } from '../outbox/outbox.store';
import { queueManifestReviews } from '../review/queue-reviews';
import { holdListed } from './link-blobs';
import { holdChildren } from './write-manifest';

interface Target {
  readonly id: number;
  readonly name: RepositoryName;
}

/**
 * Shows an image of one repository in another, with the right to its bytes. What an index lists and is not held there
 * stays unheld here. The caller holds the locks of tags; those of manifests and blobs are taken here.
 */
@Injectable()
export class CopyImageHandler {
  constructor(@Inject(METADATA_CONFIG) private readonly config: MetadataConfig) {}

  async isPrivate(sql: Sql, repositoryId: number): Promise<boolean> {
    const [row] = await sql.query<{ is_private: boolean }>('SELECT is_private FROM repository WHERE id = $1', [
      repositoryId,
    ]);
    return row?.is_private ?? false;
  }

  /** Throws CONFLICT where it is not whole, or goes at this moment. */
  async copy(sql: Sql, image: HeldImage, target: Target): Promise<void> {
    const tree = await lockTree(sql, image);
    if (image.repositoryId === target.id) return;
    await this.show(sql, target, tree);
    await give(sql, image, target, tree);
    for (const digest of tree) await holdChildren(sql, digest);
  }

  private async show(sql: Sql, target: Target, tree: readonly Digest[]): Promise<void> {
    const shown = await sql.query<{ digest: Digest; mediaType: string; size: number }>(
      `WITH shown AS (
          INSERT INTO repository_manifest (repository_id, digest) SELECT $1, unnest($2::text[])
          ON CONFLICT DO NOTHING RETURNING *
        ), noted AS (${noteManifests('shown')})
        SELECT digest, media_type AS "mediaType", size FROM shown JOIN manifest USING (digest) ORDER BY digest`,
      [target.id, tree],
    );
    await queueManifestReviews(sql, target.id, tree, this.config.ENTREPOT_KEEP_PULLED_MS);
    const repository = target.name;
    const facts = shown.map((data) => ({ aggregate: `${repository}@${data.digest}`, data: { repository, ...data } }));
    await recordFacts(sql, ManifestCommitted, facts);
  }
}

/** The image and what it holds, locked against going; the image first. Throws CONFLICT where some of it has gone. */
async function lockTree(sql: Sql, image: HeldImage): Promise<Digest[]> {
  const tree = await readTree(sql, image);
  const listed = await sql.query<{ digest: Digest }>(
    'SELECT DISTINCT digest FROM manifest_child WHERE parent = ANY($1)',
    [tree],
  );
  await lockFamily(sql, image.digest, [...tree, ...listed.map(({ digest }) => digest)]);
  await lockManifests(sql, tree);
  const visible = await lockVisible(sql, image.repositoryId, tree);
  if (visible.length === tree.length) return tree;
  throw conflict(`${image.repository}@${image.digest} is going at this moment: pull it again`);
}

async function readTree(sql: Sql, { repositoryId, digest }: HeldImage): Promise<Digest[]> {
  const rows = await sql.query<{ digest: Digest }>(
    `WITH RECURSIVE tree (digest, depth) AS (
        SELECT $2::text COLLATE "C", 0
        UNION
        SELECT child.held, depth + 1 FROM tree JOIN manifest_child AS child ON child.parent = tree.digest
        JOIN repository_manifest AS visible ON visible.repository_id = $1 AND visible.digest = child.held
        WHERE depth < 4)
      SELECT digest FROM tree GROUP BY digest ORDER BY min(depth), digest`,
    [repositoryId, digest],
  );
  return rows.map((row) => row.digest);
}

/** The right to all bytes of the tree, as the image's own repository has it. Throws CONFLICT where some are missing. */
async function give(sql: Sql, image: HeldImage, target: Target, tree: readonly Digest[]): Promise<void> {
  const listed = await sql.query<{ digest: Digest; required: boolean }>(
    'SELECT digest, bool_or(required) AS required FROM manifest_blob WHERE manifest = ANY($1) GROUP BY digest',
    [tree],
  );
  const digests = listed.map(({ digest }) => digest);
  await lockBlobs(sql, digests);
  const given = await sql.query<{ digest: Digest }>(
    `WITH here AS (
        SELECT right_to.digest FROM repository_blob AS right_to JOIN blob ON blob.digest = right_to.digest
        JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
        WHERE right_to.repository_id = $1 AND right_to.digest = ANY($3)
      ), given AS (
        INSERT INTO repository_blob (repository_id, digest) SELECT $2, digest FROM here ORDER BY digest
        ON CONFLICT DO NOTHING RETURNING *
      ), noted AS (${noteRights('given')}) SELECT digest FROM here`,
    [image.repositoryId, target.id, digests],
  );
  const here = new Set(given.map(({ digest }) => digest));
  const missing = listed.filter(({ digest, required }) => required && !here.has(digest)).length;
  if (missing > 0) {
    const name = `${image.repository}@${image.digest}`;
    throw conflict(`${name} is not whole here, ${missing} of its blobs are missing: pull it first`, { missing });
  }
  await holdListed(sql, digests);
}
