import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { PruneFilters } from '#contracts/bodies/prune';
import type { Plan, PlanItem } from '#contracts/calls/plans';
import { isDigest } from '#oci/digest';
import { invalidField } from '#oci/registry-error';
import { isRepositoryName } from '#oci/repository-name';
import { Database, type Sql } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { readPattern } from '../names/name-pattern';
import { JUDGED, judgeBy } from './judge-images';

type Reading = Pick<Sql, 'query'>;

export interface PlanRow {
  readonly id: string;
  readonly principal: string;
  readonly operation_id: string;
  readonly applied_by: string | null;
  readonly filters: PruneFilters;
  readonly made_at: Date;
  readonly until: Date;
  readonly seen: number;
  readonly kept: Record<string, number>;
  readonly items: number;
}

/** Which repositories a plan looks into: null for all. `isAll` also where the filter leaves none out. */
interface Scope {
  readonly ids: readonly number[] | null;
  readonly isAll: boolean;
}

/** What a prune would take: made as of one moment, stored, and read page by page. */
@Injectable()
export class PlanStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /**
   * Made by one statement, so of one moment. `takesAll` says whether it leaves out nothing that there is, `countAll` how
   * many images there are, which costs as much as a plan of all of them.
   */
  async make(
    sql: Sql,
    by: { readonly operation: string; readonly principal: string },
    filters: PruneFilters,
  ): Promise<{ plan: PlanRow; takesAll: boolean; countAll: () => Promise<number> }> {
    const scope = await readScope(sql, filters.repository);
    const [plan] = await sql.query<PlanRow>(MAKE, [
      ...judgeBy(filters, scope.ids),
      uuidv7(),
      by.principal,
      by.operation,
      JSON.stringify(filters),
      this.config.ENTREPOT_PLAN_MS,
    ]);
    const takesAll = scope.isAll && plan!.items > 0 && plan!.items === plan!.seen;
    const countAll = async () => (scope.isAll ? plan!.seen : countImages(sql, filters));
    return { plan: plan!, takesAll, countAll };
  }

  /** A plan with a page of its items, by repository and digest; null where there is none of that id. */
  async read(
    id: string,
    after: string | undefined,
    limit: number,
  ): Promise<{ plan: Plan; items: PlanItem[]; next: string | null } | null> {
    const [repository, digest] = after === undefined ? ['', ''] : readCursor(after);
    return this.database.snapshot(async (sql) => {
      const [plan] = await sql.query<PlanRow>('SELECT * FROM plan WHERE id = $1', [id]);
      if (!plan) return null;
      const rows = await sql.query<PlanItemRow>(READ_ITEMS, [id, repository, digest, limit + 1]);
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1) : undefined;
      return { plan: toPlan(plan), items: page.map(toItem), next: last ? `${last.repository}@${last.digest}` : null };
    });
  }
}

function readCursor(text: string): [string, string] {
  const [repository = '', digest = ''] = text.split('@');
  if (isRepositoryName(repository) && isDigest(digest)) return [repository, digest];
  throw invalidField('after', 'must be the `next` of the page before');
}

async function readScope(sql: Reading, pattern: string | undefined): Promise<Scope> {
  if (pattern === undefined) return { ids: null, isAll: true };
  const all = await sql.query<{ id: number; fits: boolean }>('SELECT id, name ~ $1 AS fits FROM repository', [
    readPattern(pattern).regex,
  ]);
  const ids = all.filter(({ fits }) => fits).map(({ id }) => id);
  return { ids, isAll: ids.length === all.length };
}

async function countImages(sql: Reading, filters: PruneFilters): Promise<number> {
  const [row] = await sql.query<{ n: number }>(`WITH RECURSIVE ${JUDGED} SELECT count(*) AS n FROM judged`, [
    ...judgeBy(filters, null),
  ]);
  return row!.n;
}

interface PlanItemRow extends Omit<PlanItem, 'usedAt' | 'leftBecause'> {
  readonly used_at: Date;
  readonly left_because: string | null;
}

export function toPlan(row: PlanRow): Plan {
  return {
    id: row.id,
    operation: row.operation_id,
    appliedBy: row.applied_by,
    filters: row.filters,
    madeAt: row.made_at.toISOString(),
    until: row.until.toISOString(),
    seen: row.seen,
    kept: row.kept,
    items: row.items,
  };
}

function toItem({ used_at, left_because, ...item }: PlanItemRow): PlanItem {
  return { ...item, usedAt: used_at.toISOString(), leftBecause: left_because };
}

/** What is held here of an index and its images, each blob once. */
const SIZE_BELOW = `
  WITH RECURSIVE tree (digest) AS (
    SELECT judged.digest
    UNION
    SELECT child.held FROM tree JOIN manifest_child AS child ON child.parent = tree.digest
    JOIN repository_manifest AS visible
      ON visible.repository_id = judged.repository_id AND visible.digest = child.held
  )
  SELECT coalesce(sum(size), 0) FROM (
    SELECT DISTINCT listed.held, listed.size FROM tree JOIN manifest_blob AS listed ON listed.manifest = tree.digest
    WHERE listed.held IS NOT NULL) AS each`;

/** Most images are no index, and list each blob once. */
const SIZE = `CASE WHEN EXISTS (SELECT FROM manifest_child WHERE parent = judged.digest) THEN (${SIZE_BELOW})
  ELSE (SELECT coalesce(sum(size), 0) FROM manifest_blob WHERE manifest = judged.digest AND held IS NOT NULL) END`;

const MAKE = `
  WITH RECURSIVE ${JUDGED}, made AS (
    INSERT INTO plan (id, principal, operation_id, filters, until, seen, kept, items)
    SELECT $8, $9, $10, $11::jsonb, now() + $12 * interval '1 millisecond', count(*), coalesce((
        SELECT jsonb_object_agg(kept_by, n) FROM (
          SELECT kept_by, count(*) AS n FROM judged WHERE kept_by IS NOT NULL GROUP BY kept_by) AS counts), '{}'),
      count(*) FILTER (WHERE kept_by IS NULL)
    FROM judged RETURNING *
  ), taken AS (
    INSERT INTO plan_item (plan_id, repository, digest, repository_id, tags, size, used_at, reason)
    SELECT $8, repository, digest, repository_id, tags, ${SIZE}, used_at,
      CASE WHEN tags = '{}' THEN 'dangling' ELSE 'unused' END
    FROM judged WHERE kept_by IS NULL ORDER BY repository, digest
  )
  SELECT * FROM made`;

export const READ_ITEMS = `
  SELECT repository, digest, tags, size, used_at, reason, state, left_because FROM plan_item
  WHERE plan_id = $1 AND (repository, digest) > ($2, $3) ORDER BY repository, digest LIMIT $4`;
