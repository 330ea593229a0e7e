import { Inject, Injectable } from '@nestjs/common';
import { ManifestRemoved } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import type { RepositoryName } from '#oci/repository-name';
import { Database, type Sql } from '../database/database';
import { lockFamily, lockManifests, lockVisible } from '../database/locks';
import { forgetPulls } from '../image/pull-count.store';
import { noteRemovedManifests } from '../journal/note-journal';
import { releaseBlobs } from '../manifest/link-blobs';
import { releaseChildren } from '../manifest/write-manifest';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { recordFact } from '../outbox/outbox.store';
import { noteCollected } from '../run/note-run';
import { endTrash } from '../trash/end-trash';
import { readAbove, readReasons } from './keep-reasons';
import { queueBlobReviews, queueManifestReviews } from './queue-reviews';

export type ManifestVerdict = 'removed' | 'postponed' | 'kept' | 'gone';

interface Reviewed {
  readonly verdict: ManifestVerdict;
  /** When it is looked at again, as Postgres wrote it. */
  readonly again?: string;
  /** Why it is not removed, for the report. */
  readonly because?: string;
}

/** Whether a manifest stays in a repository: decided by rows read after locking, never by what queued the review. */
@Injectable()
export class ManifestReviewStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async review(repositoryId: number, digest: Digest): Promise<ManifestVerdict> {
    const verdict = await this.database.transaction('metadata.review-manifest', async (sql) => {
      const locked = await lockAbove(sql, repositoryId, digest);
      const seq = await dueReview(sql, repositoryId, digest);
      if (seq === undefined) return 'gone';
      const { verdict, again, because } = await this.decide(sql, repositoryId, digest, locked);
      await settleReview(sql, repositoryId, digest, seq, again);
      await noteCollected(sql, { seen: 1, ...(because === undefined ? { removed: 1 } : { kept: { [because]: 1 } }) });
      return verdict;
    });
    if (verdict === 'removed') await forgetPulls(this.database, repositoryId, digest);
    return verdict;
  }

  private async decide(sql: Sql, repositoryId: number, digest: Digest, locked: Set<string>): Promise<Reviewed> {
    if (!locked.has(digest)) return { verdict: 'gone', because: 'gone' };
    const above = await readAbove(sql, repositoryId, digest);
    // Tied to something new while the locks were waited for.
    if (above.some((each) => !locked.has(each))) return { verdict: 'postponed', again: 'now', because: 'changed' };
    const reasons = await readReasons(sql, repositoryId, above, this.config.ENTREPOT_KEEP_PULLED_MS);
    if (reasons.keptBy !== null) return { verdict: 'kept', because: reasons.keptBy };
    if (reasons.until !== null) {
      return { verdict: 'postponed', again: reasons.until, because: reasons.untilRoot ?? 'changed' };
    }
    await removeManifest(sql, repositoryId, digest);
    return { verdict: 'removed' };
  }
}

/** Locks a manifest and, in its repository, all that it may stay for. Answers what is visible there. */
async function lockAbove(sql: Sql, repositoryId: number, digest: Digest): Promise<Set<string>> {
  const children = await sql.query<{ digest: string }>('SELECT digest FROM manifest_child WHERE parent = $1', [digest]);
  await lockFamily(
    sql,
    digest,
    children.map((child) => child.digest),
  );
  await lockManifests(sql, [digest], 'UPDATE');
  const above = await readAbove(sql, repositoryId, digest);
  return new Set(await lockVisible(sql, repositoryId, above, 'UPDATE'));
}

async function dueReview(sql: Sql, repositoryId: number, digest: Digest): Promise<number | undefined> {
  const [review] = await sql.query<{ seq: number }>(
    `SELECT seq FROM review WHERE kind = 'manifest' AND repository_id = $1 AND digest = $2 AND due_at <= now()`,
    [repositoryId, digest],
  );
  return review?.seq;
}

/** A review goes, or is postponed, only if it is as it was read: one that was queued again since stays. */
async function settleReview(
  sql: Sql,
  repositoryId: number,
  digest: Digest,
  seq: number,
  again?: string,
): Promise<void> {
  const same = `WHERE kind = 'manifest' AND repository_id = $1 AND digest = $2 AND seq = $3`;
  if (again === undefined) await sql.query(`DELETE FROM review ${same}`, [repositoryId, digest, seq]);
  else await sql.query(`UPDATE review SET due_at = $4::timestamptz ${same}`, [repositoryId, digest, seq, again]);
}

/**
 * Nothing keeps it here. Whatever it was the reason for loses that reason, and is reviewed at once: the delay was
 * this manifest's. Its row goes with the last repository that showed it.
 */
async function removeManifest(sql: Sql, repositoryId: number, digest: Digest): Promise<void> {
  const lost = await sql.query<{ kind: 'blob' | 'manifest'; digest: string }>(
    `SELECT 'blob' AS kind, digest FROM manifest_blob WHERE manifest = $1
      UNION SELECT 'manifest', digest FROM manifest_child WHERE parent = $1
      UNION SELECT 'manifest', digest FROM manifest WHERE subject = $1`,
    [digest],
  );
  const [repository] = await sql.query<{ name: RepositoryName }>('SELECT name FROM repository WHERE id = $1', [
    repositoryId,
  ]);
  await sql.query(`DELETE FROM pin WHERE kind = 'manifest' AND digest = $2 AND repository_id = $1`, [
    repositoryId,
    digest,
  ]);
  await endTrash(sql, repositoryId, digest);
  await sql.query(
    `WITH gone AS (DELETE FROM repository_manifest WHERE repository_id = $1 AND digest = $2 RETURNING *)
      ${noteRemovedManifests('gone')}`,
    [repositoryId, digest],
  );
  await releaseChildren(sql, digest);
  await releaseBlobs(sql, digest);
  await sql.query(
    `DELETE FROM manifest WHERE digest = $1
      AND NOT EXISTS (SELECT FROM repository_manifest AS visible WHERE visible.digest = manifest.digest)`,
    [digest],
  );
  const of = (kind: string) => lost.filter((each) => each.kind === kind).map((each) => each.digest);
  await queueManifestReviews(sql, repositoryId, of('manifest'), 0);
  await queueBlobReviews(sql, of('blob'), 0);
  const data = { repository: repository!.name, digest };
  await recordFact(sql, ManifestRemoved, `${data.repository}@${digest}`, data);
}
