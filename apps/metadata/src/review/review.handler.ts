import { Injectable } from '@nestjs/common';
import type { ReviewDue } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { REPORTER_ENDS } from '../container/end-reporters';
import { Database } from '../database/database';
import { msUntil } from '../database/ms-until';
import { PresenceStore } from '../database/presence.store';
import { mayCollect } from '../run/may-collect';
import { BlobReviewStore } from './blob-review.store';
import { ManifestReviewStore } from './manifest-review.store';

interface DueReview {
  readonly kind: 'blob' | 'manifest';
  readonly repository_id: number;
  readonly digest: Digest;
}

type Reviewed = AnswerOf<typeof ReviewDue>;

/** Blobs of one transaction: their locks are held together. */
const BATCH = 200;

/** Takes reviews that are due. Two who take the same do it after each other, and the second finds it done. */
@Injectable()
export class ReviewHandler {
  constructor(
    private readonly database: Database,
    private readonly presence: PresenceStore,
    private readonly manifests: ManifestReviewStore,
    private readonly blobs: BlobReviewStore,
  ) {}

  async reviewDue(limit: number): Promise<Reviewed> {
    const quietMs = await this.presence.beat();
    const counts = { reviewed: 0, condemned: 0, removed: 0, postponed: 0 };
    if (quietMs > 0) return { ...counts, nextInMs: quietMs };
    if (!(await this.database.snapshot(mayCollect))) return { ...counts, nextInMs: null };
    const due = await this.readDue(limit);
    for (const { repository_id, digest } of due.filter((review) => review.kind === 'manifest')) {
      const verdict = await this.manifests.review(repository_id, digest);
      counts.reviewed += 1;
      if (verdict === 'removed') counts.removed += 1;
      if (verdict === 'postponed') counts.postponed += 1;
    }
    const digests = due.filter((review) => review.kind === 'blob').map((review) => review.digest);
    for (let at = 0; at < digests.length; at += BATCH) {
      const verdicts = await this.blobs.review(digests.slice(at, at + BATCH).sort());
      counts.reviewed += verdicts.reviewed;
      counts.condemned += verdicts.condemned;
      counts.postponed += verdicts.postponed;
    }
    return { ...counts, nextInMs: await this.nextInMs() };
  }

  private readDue(limit: number): Promise<DueReview[]> {
    return this.database.read<DueReview>(
      'SELECT kind, repository_id, digest FROM review WHERE due_at <= now() ORDER BY due_at LIMIT $1',
      [limit],
    );
  }

  private async nextInMs(): Promise<number | null> {
    const [row] = await this.database.read<{ ms: number | null }>(
      `SELECT ${msUntil(`least((SELECT min(due_at) FROM review), (SELECT min(${REPORTER_ENDS}) FROM reporter))`)} AS ms`,
    );
    return row?.ms ?? null;
  }
}
