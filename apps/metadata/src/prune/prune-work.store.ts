import { Inject, Injectable } from '@nestjs/common';
import type { PruneOutcome } from '#contracts/bodies/prune';
import type { PruneImages } from '#contracts/calls/plans';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { conflict } from '#oci/registry-error';
import { Database, type Sql } from '../database/database';
import { lockTags, lockVisible } from '../database/locks';
import { PresenceStore } from '../database/presence.store';
import { leaveAlone, type RemovalPlan } from '../image/plan-removal';
import { takeImage } from '../image/take-image';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { endOperation } from '../operation/end-operation';
import type { OperationRow } from '../operation/operation-rows';
import { lockForEnd } from '../operation/operation-work.store';
import { isPaused } from '../run/may-collect';
import { notePruned } from '../run/note-run';
import { JUDGED, judgeBy } from './judge-images';
import type { PlanRow } from './plan.store';
import { outcomeOf } from './prune.handler';

/** Tags that one transaction takes: who moves one of them waits for it. */
const MOST_TAGS = 128;

interface OpenItem {
  readonly repository: string;
  readonly repositoryId: number;
  readonly isLocal: boolean;
  readonly digest: string;
  /** Those that were not taken before: of an image with very many, some go after others. */
  readonly tags: readonly string[];
  readonly size: number;
  readonly used_at: Date;
}

interface Judged {
  readonly digest: string;
  readonly tags: readonly string[];
  readonly used_at: Date;
  readonly kept_by: string | null;
}

/** Carries plans of prunes out, a few images of one repository at a time: nobody waits for more. */
@Injectable()
export class PruneWorkStore {
  constructor(
    private readonly database: Database,
    private readonly presence: PresenceStore,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Throws STALE. */
  async prune({ limit, ...claim }: QuestionOf<typeof PruneImages>): Promise<AnswerOf<typeof PruneImages>> {
    const nothing = { ended: true, paused: false, removed: 0, left: 0, retryAfterMs: null };
    const quietMs = await this.presence.beat();
    return this.database.transaction('metadata.prune-images', async (sql) => {
      const operation = await lockForEnd(sql, claim);
      if (!operation) return nothing;
      if (await isPaused(sql)) return { ...nothing, ended: false, paused: true };
      if (quietMs > 0) return { ...nothing, ended: false, paused: true, retryAfterMs: quietMs };
      const [plan] = await sql.query<PlanRow>('SELECT * FROM plan WHERE applied_by = $1', [operation.id]);
      if (!plan) throw conflict(`operation ${operation.id} carries out no plan`);
      const items = await readNext(sql, plan.id, limit);
      const { removed, left } = await this.carryOut(sql, operation, plan, items);
      const ended = (await readNext(sql, plan.id, 1)).length === 0;
      if (ended) await this.end(sql, operation, plan);
      return { ...nothing, ended, removed, left };
    });
  }

  /** Each item is judged again, after its tags and its image were locked. */
  private async carryOut(sql: Sql, operation: OperationRow, plan: PlanRow, items: readonly OpenItem[]) {
    const [first] = items;
    if (!first) return { removed: 0, left: 0 };
    const { repositoryId, repository } = first;
    const digests = items.map(({ digest }) => digest);
    const tags = items.flatMap((item) => item.tags);
    await lockTags(sql, repositoryId, tags.slice(0, MOST_TAGS));
    await lockVisible(sql, repositoryId, digests, 'UPDATE');
    const standing = await judgeAgain(sql, plan, repositoryId, digests);
    const because = items.map((item) => reasonToLeave(item, standing.get(item.digest)));
    const gone = items.filter((_, at) => because[at] === null);
    if (tags.length > MOST_TAGS && gone.length > 0) return this.takeTags(sql, operation, plan, first);
    for (const item of gone) await this.take(sql, operation, item, { tags: item.tags, losesLastName: true });
    await settleItems(sql, plan.id, repository, digests, because);
    const left = items.length - gone.length;
    const removedBytes = gone.reduce((sum, { size }) => sum + size, 0);
    const kept = left > 0 ? { changed: left } : undefined;
    await notePruned(sql, operation.id, { removed: gone.length, removedBytes, kept });
    return { removed: gone.length, left };
  }

  /** The first tags of an image that has more of them than one transaction takes: the image goes with the last ones. */
  private async takeTags(sql: Sql, operation: OperationRow, plan: PlanRow, item: OpenItem) {
    await this.take(sql, operation, item, { tags: item.tags.slice(0, MOST_TAGS), losesLastName: false });
    await sql.query(
      'UPDATE plan_item SET tags_gone = tags_gone + $4 WHERE plan_id = $1 AND repository = $2 AND digest = $3',
      [plan.id, item.repository, item.digest, MOST_TAGS],
    );
    return { removed: 0, left: 0 };
  }

  /** As a remove does: what was pushed can be brought back for a while. */
  private async take(
    sql: Sql,
    { id, principal }: OperationRow,
    { repositoryId, repository, digest, isLocal }: OpenItem,
    what: Pick<RemovalPlan, 'tags' | 'losesLastName'>,
  ): Promise<void> {
    const image = { repositoryId, repository, digest, tag: null };
    const plan = { ...leaveAlone(''), ...what, left: null, canBeUndone: isLocal };
    const { ENTREPOT_REVIEW_DELAY_MS: reviewInMs, ENTREPOT_UNDO_MS: undoMs } = this.config;
    await takeImage(sql, image, plan, { operation: id, principal, now: false, reviewInMs, undoMs });
  }

  private async end(sql: Sql, operation: OperationRow, plan: PlanRow): Promise<void> {
    const [counts] = await sql.query<Pick<PruneOutcome, 'removed' | 'removedBytes' | 'left'>>(
      `SELECT count(*) FILTER (WHERE state = 'removed') AS removed, count(*) FILTER (WHERE state = 'left') AS left,
          coalesce(sum(size) FILTER (WHERE state = 'removed'), 0)::bigint AS "removedBytes"
        FROM plan_item WHERE plan_id = $1`,
      [plan.id],
    );
    const outcome = outcomeOf(plan, counts!);
    await endOperation(sql, operation, { state: 'completed', outcome }, this.config.ENTREPOT_REVIEW_DELAY_MS);
  }
}

/** The next ones of one repository, with no more tags than one transaction takes; or one that has more. */
async function readNext(sql: Sql, plan: string, limit: number): Promise<OpenItem[]> {
  const items = await sql.query<OpenItem>(NEXT_ITEMS, [plan, limit]);
  let tags = 0;
  return items.filter((item, at) => {
    tags += item.tags.length;
    return item.repository === items[0]!.repository && (at === 0 || tags <= MOST_TAGS);
  });
}

export const NEXT_ITEMS = `
  SELECT repository, repository_id AS "repositoryId", digest, tags[tags_gone + 1:] AS tags, size, used_at, (
      SELECT upstream IS NULL FROM repository WHERE id = repository_id) AS "isLocal"
  FROM plan_item WHERE plan_id = $1 AND state = 'planned' ORDER BY repository, digest LIMIT $2`;

async function judgeAgain(sql: Sql, plan: PlanRow, repositoryId: number, digests: readonly string[]) {
  const rows = await sql.query<Judged>(
    `WITH RECURSIVE ${JUDGED} SELECT digest, tags, used_at, kept_by FROM judged`,
    judgeBy(plan.filters, [repositoryId], digests),
  );
  return new Map(rows.map((row) => [row.digest, row]));
}

const NOW_KEPT: Readonly<Record<string, string>> = {
  container: 'a container uses it now, or an image that it belongs to',
  operation: 'an operation that has not ended needs it',
  pin: 'somebody was told just now that it is here',
  tag: 'a tag names it now',
  recent: 'it was pulled since',
  label: 'its labels are not known to fit',
};

/** Null where it goes, as it was read. */
function reasonToLeave(item: OpenItem, now: Judged | undefined): string | null {
  if (!now) return 'it is gone already, or part of another image now';
  if (now.kept_by !== null) return NOW_KEPT[now.kept_by] ?? now.kept_by;
  if (now.tags.join() !== item.tags.join()) return `its tags are others now: ${now.tags.join(', ') || 'none'}`;
  if (now.used_at.getTime() !== item.used_at.getTime()) return 'it was pulled since';
  return null;
}

async function settleItems(
  sql: Sql,
  plan: string,
  repository: string,
  digests: readonly string[],
  because: readonly (string | null)[],
): Promise<void> {
  await sql.query(
    `UPDATE plan_item SET state = CASE WHEN settled.why IS NULL THEN 'removed' ELSE 'left' END, left_because = settled.why
      FROM unnest($3::text[], $4::text[]) AS settled (digest, why)
      WHERE plan_id = $1 AND repository = $2 AND plan_item.digest = settled.digest`,
    [plan, repository, digests, because],
  );
}
