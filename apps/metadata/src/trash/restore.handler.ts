import { Inject, Injectable } from '@nestjs/common';
import { MOST_NAMES } from '#contracts/bodies/remove';
import type { RestoreBody, RestoreOutcome } from '#contracts/bodies/restore';
import { ImageRestored } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { conflict, notFound, RegistryError } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { lockManifests, lockTags, lockVisible } from '../database/locks';
import { notePull } from '../image/pull-count.store';
import { keepImagesAgain } from '../image/release-image';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { putTagsBack } from '../names/put-tags-back';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { recordFact } from '../outbox/outbox.store';
import { undoEnds } from '../review/keep-reasons';
import { queueManifestReviews } from '../review/queue-reviews';

interface Removed {
  readonly id: string;
  readonly repositoryId: number;
  readonly repository: string;
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly ended: 'restored' | 'gone' | null;
  /** Its window has passed. */
  readonly over: boolean;
  readonly until: Date;
  readonly endedAt: Date | null;
  /** The operation that is still taking names away from it, if any. */
  readonly growsBy: string | null;
}

/**
 * Has back what was removed: the image as it was, under all tags that were taken away, or nothing. A tag that was given
 * to something else since stays there: nobody's newer name is overwritten.
 */
@Injectable()
export class RestoreHandler {
  constructor(@Inject(METADATA_CONFIG) private readonly config: MetadataConfig) {}

  /** Throws NOT_FOUND, GONE after its window, CONFLICT where it is back already or a tag is taken, naming all that are. */
  async restore(sql: Sql, { id: operation, principal, body }: OperationRow): Promise<Done> {
    const { id } = body as RestoreBody;
    const asked = await readRemoved(sql, id);
    await lockTags(sql, asked.repositoryId, asked.tags);
    await lockManifests(sql, [asked.digest]);
    await lockVisible(sql, asked.repositoryId, [asked.digest], 'UPDATE');
    const removed = await readRemoved(sql, id, 'FOR UPDATE OF trash');
    refuseEnded(removed);
    refuseGrowing(removed);
    await refuseTaken(sql, removed);
    const { repositoryId, repository, digest, tags } = removed;
    await sql.query(`UPDATE trash SET ended_as = 'restored', ended_at = clock_timestamp() WHERE id = $1`, [id]);
    await keepImagesAgain(sql, repositoryId, [digest]);
    await putTagsBack(sql, { repositoryId, repository, digest, tags, principal, operation });
    // What never had a tag lives by its last use.
    if (tags.length === 0) await notePull(sql, repositoryId, digest);
    await queueManifestReviews(sql, repositoryId, [digest], this.config.ENTREPOT_REVIEW_DELAY_MS);
    const first = { tags: tags.slice(0, MOST_NAMES), tagCount: tags.length };
    await recordFact(sql, ImageRestored, `${repository}@${digest}`, { repository, digest, trash: id, ...first });
    const outcome: RestoreOutcome = { id, repository, digest, ...first };
    return { outcome, named: { repository, tag: tags.length === 1 ? tags[0]! : null, digest } };
  }
}

/** What was read before its locks were held decides nothing: it is read again. Throws NOT_FOUND. */
async function readRemoved(sql: Sql, id: string, lock = ''): Promise<Removed> {
  const [row] = await sql.query<Removed>(
    `SELECT trash.id, repository_id AS "repositoryId", repository.name AS repository, digest, tags,
        ${undoEnds('trash')} AS until,
        ended_as AS ended, ended_at AS "endedAt", ${undoEnds('trash')} <= now() AS over,
        (SELECT id FROM operation WHERE operation.id = operation_id AND operation.ended_at IS NULL AND NOT whole) AS "growsBy"
      FROM trash JOIN repository ON repository.id = repository_id WHERE trash.id = $1 ${lock}`,
    [id],
  );
  if (row) return row;
  throw notFound(`what was removed as ${id}`, { id });
}

function refuseEnded({ id, repository, digest, ended, over, until, endedAt }: Removed): void {
  const what = `${repository}@${digest}`;
  const detail = { id, repository, digest };
  if (ended === 'restored') throw conflict(`${what} was restored already, at ${endedAt!.toISOString()}`, detail);
  if (ended === 'gone')
    throw new RegistryError('GONE', `${what} was removed for good: push or pull it again`, { detail });
  if (!over) return;
  const why = `${what} could be restored until ${until.toISOString()}: push or pull it again`;
  throw new RegistryError('GONE', why, { detail });
}

/** What has lost some of its names, and is to lose more, would come back with some of them only. */
function refuseGrowing({ id, repository, digest, growsBy }: Removed): void {
  if (growsBy === null) return;
  const why = `${repository}@${digest} is still being removed by operation ${growsBy}: restore it when that has ended`;
  throw conflict(why, { id, operation: growsBy });
}

async function refuseTaken(sql: Sql, { repositoryId, repository, digest, tags }: Removed): Promise<void> {
  const taken = await sql.query<{ tag: string; digest: Digest }>(
    `SELECT name AS tag, digest FROM tag WHERE repository_id = $1 AND name = ANY($2) AND digest <> $3 ORDER BY name`,
    [repositoryId, tags, digest],
  );
  const [first, ...others] = taken;
  if (first === undefined) return;
  const more = others.length === 0 ? '' : `, and ${others.length} more of its tags name others`;
  throw conflict(
    `${repository}:${first.tag} names ${first.digest} now${more}: nothing was restored. ` +
      `Untag what is in the way, or give ${repository}@${digest} another tag`,
    { taken: taken.slice(0, MOST_NAMES), takenCount: taken.length },
  );
}
