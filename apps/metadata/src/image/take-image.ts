import { v7 as uuidv7 } from 'uuid';
import { MOST_NAMES } from '#contracts/bodies/remove';
import { ImageTrashed } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { removeContainers } from '../container/remove-containers';
import type { Sql } from '../database/database';
import { removeTags } from '../names/remove-tags';
import type { NamedRemoval } from '../operation/operation-rows';
import { recordFact } from '../outbox/outbox.store';
import { queueManifestReviews } from '../review/queue-reviews';
import { endTrashBelow } from '../trash/end-trash';
import type { RemovalPlan } from './plan-removal';
import { detachImage, releaseImages } from './release-image';

export interface Taking {
  readonly operation: string;
  readonly principal: string;
  readonly now: boolean;
  /** Both in milliseconds. */
  readonly reviewInMs: number;
  readonly undoMs: number;
}

export interface Taken {
  /** The entry of the trash that keeps it, if any. */
  readonly trash: string | null;
  /** Names of the containers whose image has no name any more. */
  readonly marked: readonly string[];
}

/** Does what the plan of an image says, whose locks the caller holds. */
export async function takeImage(
  sql: Sql,
  image: NamedRemoval,
  plan: RemovalPlan,
  { operation, principal, now, reviewInMs, undoMs }: Taking,
): Promise<Taken> {
  const { repositoryId, digest } = image;
  await removeTags(sql, { ...image, tags: plan.tags, principal, operation });
  await removeContainers(
    sql,
    plan.containers.map(({ id }) => id),
    { reviewInMs },
  );
  if (plan.losesLastName) {
    await releaseImages(sql, repositoryId, [digest]);
    await detachImage(sql, repositoryId, digest);
    if (now) await endTrashBelow(sql, repositoryId, digest);
  }
  const marked = await markContainers(
    sql,
    plan.deprived.map(({ id }) => id),
  );
  const trash = plan.canBeUndone ? await keepForUndo(sql, image, plan, { operation, principal, undoMs }) : null;
  await queueManifestReviews(sql, repositoryId, [digest], reviewInMs);
  return { trash, marked };
}

/** One entry for an image and a remove, however many of its tags that takes one by one. */
async function keepForUndo(
  sql: Sql,
  { repositoryId, repository, digest }: NamedRemoval,
  { tags, losesLastName }: RemovalPlan,
  { operation, principal, undoMs }: Pick<Taking, 'operation' | 'principal' | 'undoMs'>,
): Promise<string> {
  const more = await sql.query<Kept>(ADD_TO_TRASH, [repositoryId, digest, operation, tags, losesLastName, undoMs]);
  const params = [uuidv7(), repositoryId, digest, tags, losesLastName, principal, operation, undoMs];
  const [kept] = more.length > 0 ? more : await sql.query<Kept>(KEEP, params);
  const { id, until, names, count } = kept!;
  const about = { repository, digest: digest as Digest, trash: id, tags: names, tagCount: count };
  await recordFact(sql, ImageTrashed, `${repository}@${digest}`, { ...about, until: until.toISOString() });
  return id;
}

interface Kept {
  readonly id: string;
  readonly until: Date;
  readonly names: string[];
  readonly count: number;
}

const KEPT = `RETURNING id, until, tags[1:${MOST_NAMES}] AS names, cardinality(tags) AS count`;

const ADD_TO_TRASH = `
  UPDATE trash SET tags = tags || $4::text[], whole = whole OR $5, until = now() + $6 * interval '1 millisecond'
  WHERE repository_id = $1 AND keeps = $2 AND operation_id = $3 ${KEPT}`;

const KEEP = `
  INSERT INTO trash (id, repository_id, digest, tags, whole, principal, operation_id, until)
  VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 millisecond') ${KEPT}`;

/** Those whose image has no name left, be it its own or that of an index that lists it. */
async function markContainers(sql: Sql, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const marked = await sql.query<{ name: string }>(
    `UPDATE container AS used SET image_removed_at = now() WHERE id = ANY($1) AND image_removed_at IS NULL
      AND NOT EXISTS (
        WITH RECURSIVE above AS (
          SELECT used.digest
          UNION
          SELECT c.parent FROM above a JOIN manifest_child c ON c.held = a.digest
        )
        SELECT FROM above a JOIN tag ON tag.repository_id = used.repository_id AND tag.digest = a.digest)
      RETURNING name`,
    [ids],
  );
  return marked.map(({ name }) => name).sort();
}
