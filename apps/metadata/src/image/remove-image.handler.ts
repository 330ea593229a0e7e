import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { MOST_NAMES, type RemoveBody, type RemoveOutcome } from '#contracts/bodies/remove';
import { ImageTrashed } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { conflict } from '#oci/registry-error';
import { Database, type Sql } from '../database/database';
import { lockTags, lockVisible } from '../database/locks';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { removeTags } from '../names/remove-tags';
import { endOperation } from '../operation/end-operation';
import type { NamedImage, OperationRow } from '../operation/operation-rows';
import { lockForEnd, type OperationClaim } from '../operation/operation-work.store';
import { recordFact } from '../outbox/outbox.store';
import { queueManifestReviews } from '../review/queue-reviews';
import { endTrash } from '../trash/end-trash';
import { type AskedRemoval, leaveAlone, planRemoval, type RemovalPlan, type StandingImage } from './plan-removal';
import { detachImage, releaseImages } from './release-image';

type Removed = NonNullable<NamedImage['removes']>[number];

/** Carries out removes: on what their reference named when they were accepted, in one transaction with their end. */
@Injectable()
export class RemoveImageHandler {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Answers what it did, which is the outcome. Throws STALE, and CONFLICT while something uses the image. */
  async remove(claim: OperationClaim): Promise<RemoveOutcome> {
    return this.database.transaction('metadata.remove-image', async (sql) => {
      const operation = await lockForEnd(sql, claim);
      if (!operation) return readOutcome(sql, claim.id);
      const images = operation.named?.removes;
      if (operation.kind !== 'remove' || !images) throw conflict(`operation ${claim.id} removes no image`);
      const { force, now } = operation.body as RemoveBody;
      const asked = { tag: operation.named?.tag ?? null, force, now };
      await lockNames(sql, images, asked);
      const removed: string[] = [];
      const left: string[] = [];
      for (const image of images) {
        const plan = await this.removeOne(sql, operation, image, asked);
        removed.push(...plan.tags.map((name) => `${image.repository}:${name}`));
        if (plan.losesLastName) removed.push(`${image.repository}@${image.digest}`);
        if (plan.left !== null) left.push(plan.left);
      }
      const outcome = outcomeOf(removed, left);
      await endOperation(sql, operation, { state: 'completed', outcome }, this.delayMs(asked));
      return outcome;
    });
  }

  private async removeOne(
    sql: Sql,
    operation: OperationRow,
    image: Removed,
    asked: AskedRemoval,
  ): Promise<RemovalPlan> {
    const { id, principal } = operation;
    const { repositoryId, repository, digest } = image;
    await lockVisible(sql, repositoryId, [digest], 'UPDATE');
    const standing = await readStanding(sql, image, asked.tag);
    if (!standing) return leaveAlone(`${repository}@${digest} is gone already`);
    const plan = planRemoval(standing, asked);
    for (const tag of plan.tags)
      await removeTags(sql, { repositoryId, repository, digest, tag, principal, operation: id });
    if (plan.losesLastName) await markRemoved(sql, image, asked.now);
    if (plan.deprived.length > 0) await markContainers(sql, plan.deprived);
    if (plan.canBeUndone) await this.keepForUndo(sql, operation, image, plan);
    if (plan.left === null) await queueManifestReviews(sql, repositoryId, [digest], this.delayMs(asked));
    return plan;
  }

  private async keepForUndo(
    sql: Sql,
    { id: operation, principal }: OperationRow,
    { repositoryId, repository, digest }: Removed,
    { tags, losesLastName }: RemovalPlan,
  ): Promise<string> {
    const id = uuidv7();
    const [kept] = await sql.query<{ until: Date }>(
      `INSERT INTO trash (id, repository_id, digest, tags, whole, principal, operation_id, until)
       VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 millisecond') RETURNING until`,
      [id, repositoryId, digest, tags, losesLastName, principal, operation, this.config.ENTREPOT_UNDO_MS],
    );
    const about = { repository, digest: digest as Digest, trash: id, tags: tags.slice(0, MOST_NAMES) };
    const until = kept!.until.toISOString();
    await recordFact(sql, ImageTrashed, `${repository}@${digest}`, { ...about, tagCount: tags.length, until });
    return id;
  }

  private delayMs({ now }: AskedRemoval): number {
    return now ? 0 : this.config.ENTREPOT_REVIEW_DELAY_MS;
  }
}

function outcomeOf(removed: readonly string[], left: readonly string[]): RemoveOutcome {
  return {
    removed: removed.slice(0, MOST_NAMES),
    removedCount: removed.length,
    left: left.slice(0, MOST_NAMES),
    leftCount: left.length,
  };
}

/** Of one that ended otherwise, nothing. */
async function readOutcome(sql: Sql, id: string): Promise<RemoveOutcome> {
  const [row] = await sql.query<{ outcome: RemoveOutcome | null }>('SELECT outcome FROM operation WHERE id = $1', [id]);
  return row?.outcome ?? outcomeOf([], []);
}

/** Undefined where it is no longer in its repository. */
async function readStanding(sql: Sql, image: Removed, tag: string | null): Promise<StandingImage | undefined> {
  const [row] = await sql.query<StandingImage & { readonly tagNames: string | null }>(STANDING, [
    image.repositoryId,
    image.digest,
    tag,
  ]);
  return row && { ...row, tagNames: tag === null ? undefined : row.tagNames };
}

const STANDING = `
  WITH RECURSIVE below AS (
    SELECT $2::text COLLATE "C" AS digest
    UNION
    SELECT c.held FROM below b JOIN manifest_child c ON c.parent = b.digest WHERE c.held IS NOT NULL
  )
  SELECT r.name AS repository, rm.digest, r.upstream IS NULL AS "isLocal",
    ARRAY(SELECT name FROM tag WHERE repository_id = $1 AND digest = $2 ORDER BY name) AS tags,
    (SELECT digest FROM tag WHERE repository_id = $1 AND name = $3) AS "tagNames",
    ARRAY(SELECT c.name FROM container c JOIN below b ON b.digest = c.digest
      WHERE c.repository_id = $1 ORDER BY c.name) AS containers,
    ARRAY(SELECT c.parent FROM manifest_child c JOIN repository_manifest above
      ON above.repository_id = $1 AND above.digest = c.parent WHERE c.held = $2 ORDER BY c.parent) AS parents
  FROM repository r JOIN repository_manifest rm ON rm.repository_id = r.id
  WHERE r.id = $1 AND rm.digest = $2`;

/** Earlier pulls no longer keep it, nor what it lists; with `now`, neither does what was removed of it before. */
async function markRemoved(sql: Sql, { repositoryId, digest }: Removed, now: boolean): Promise<void> {
  await releaseImages(sql, repositoryId, [digest]);
  await detachImage(sql, repositoryId, digest);
  if (now) await endTrash(sql, repositoryId, digest);
}

/** Those whose image has no name left, be it its own or that of an index that lists it. */
async function markContainers(sql: Sql, names: readonly string[]): Promise<void> {
  await sql.query(
    `UPDATE container AS used SET image_removed_at = now() WHERE name = ANY($1) AND image_removed_at IS NULL
      AND NOT EXISTS (
        WITH RECURSIVE above AS (
          SELECT used.digest
          UNION
          SELECT c.parent FROM above a JOIN manifest_child c ON c.held = a.digest
        )
        SELECT FROM above a JOIN tag ON tag.repository_id = used.repository_id AND tag.digest = a.digest)`,
    [names],
  );
}

/** All tags before all manifests. */
async function lockNames(sql: Sql, images: readonly Removed[], { tag }: AskedRemoval): Promise<void> {
  for (const { repositoryId, digest } of images) {
    const named = await sql.query<{ name: string }>('SELECT name FROM tag WHERE repository_id = $1 AND digest = $2', [
      repositoryId,
      digest,
    ]);
    const names = tag === null ? named.map(({ name }) => name) : [tag];
    await lockTags(sql, repositoryId, names);
  }
}
