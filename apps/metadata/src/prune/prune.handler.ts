import { Inject, Injectable } from '@nestjs/common';
import type { PruneBody, PruneFilters, PruneOutcome } from '#contracts/bodies/prune';
import { conflict, denied, invalidField, notFound } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { beginPrune } from '../run/note-run';
import { type PlanRow, PlanStore } from './plan.store';

/** Takes a prune in: makes its plan, or takes up one that was read. What goes is done later, in batches. */
@Injectable()
export class PruneHandler {
  constructor(
    private readonly plans: PlanStore,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /**
   * Null where its plan is to be carried out. Throws INVALID, CONFLICT where it is to be confirmed, or the plan was
   * applied or is too old, DENIED for another's plan, NOT_FOUND.
   */
  async prune(sql: Sql, { id, principal, body }: OperationRow): Promise<Done | null> {
    const { dryRun, confirm, share, plan: asked, ...filters } = body as PruneBody;
    if (asked !== undefined) {
      refuseFilters(filters, dryRun, confirm ?? share);
      return this.carryOut(sql, id, await takeUp(sql, asked, { id, principal }));
    }
    refuseBoth(filters);
    const { plan, takesAll, countAll } = await this.plans.make(sql, { operation: id, principal }, filters);
    if (dryRun) return { outcome: outcomeOf(plan) };
    if (confirm !== undefined && confirm !== plan.items) throw other(plan.items, await countAll(), confirm);
    const mayBeMost = takesAll || !this.isFew(plan.items, share);
    if (confirm === undefined && mayBeMost) {
      this.refuseUnconfirmed(plan.items, await countAll(), takesAll, share);
    }
    await sql.query('UPDATE plan SET applied_by = $2 WHERE id = $1', [plan.id, id]);
    return this.carryOut(sql, id, plan);
  }

  private async carryOut(sql: Sql, operation: string, plan: PlanRow): Promise<Done | null> {
    await beginPrune(sql, operation, plan.id, { seen: plan.seen, kept: plan.kept });
    return plan.items > 0 ? null : { outcome: outcomeOf(plan) };
  }

  /** However few images there are: a share is asked about of more than so many. */
  private isFew(items: number, share: number | undefined): boolean {
    const { ENTREPOT_PRUNE_SHARE: usual, ENTREPOT_PRUNE_SHARE_OF: least } = this.config;
    return items * 100 <= least * (share ?? usual);
  }

  /** Whoever takes all there is, or most of much, has seen how much it is. */
  private refuseUnconfirmed(items: number, of: number, takesAll: boolean, share: number | undefined): void {
    const { ENTREPOT_PRUNE_SHARE: usual, ENTREPOT_PRUNE_SHARE_OF: least } = this.config;
    const most = share ?? usual;
    const isMost = of > least && items * 100 > of * most;
    if (!isMost && (!takesAll || share === 100)) return;
    const what = takesAll
      ? `${imagesOf(items)} would go, and that is all there is`
      : `${imagesOf(items)} of ${of} would go, more than the ${most} % that may go unasked`;
    const larger = takesAll ? 100 : Math.ceil((items * 100) / of);
    const remedy = `say that it is meant with "confirm": ${items}, or where nobody can (a schedule) with "share": ${larger}`;
    throw conflict(`${what}: ${remedy}, or carry out the plan of a dry run`, { items, of });
  }
}

const imagesOf = (items: number) => (items === 1 ? '1 image' : `${items} images`);

function other(items: number, of: number, confirm: number) {
  return conflict(`${imagesOf(items)} would go now, and not ${confirm}: look again`, { items, of });
}

/** Nobody has two prunes carry out one plan. */
async function takeUp(
  sql: Sql,
  asked: string,
  { id, principal }: { readonly id: string; readonly principal: string },
): Promise<PlanRow> {
  const [plan] = await sql.query<PlanRow & { readonly late: boolean }>(
    'SELECT *, until <= now() AS late FROM plan WHERE id = $1 FOR UPDATE',
    [asked],
  );
  if (!plan) throw notFound(`plan ${asked}`, { plan: asked });
  if (plan.principal !== principal) throw denied("this plan is another caller's: make one of your own");
  if (plan.applied_by !== null) throw conflict(`plan ${asked} was applied already`, { operation: plan.applied_by });
  if (plan.late)
    throw conflict(`plan ${asked} is too old, it could be applied until ${plan.until.toISOString()}: make another one`);
  await sql.query('UPDATE plan SET applied_by = $2 WHERE id = $1', [asked, id]);
  return plan;
}

const NOTHING = { removed: 0, removedBytes: 0, left: 0 };

export function outcomeOf(
  { id: plan, seen, kept }: PlanRow,
  did: Pick<PruneOutcome, 'removed' | 'removedBytes' | 'left'> = NOTHING,
): PruneOutcome & Record<string, unknown> {
  return { plan, seen, kept, ...did };
}

function refuseFilters(filters: PruneFilters, dryRun: boolean, confirm: number | undefined): void {
  const { dangling, unused, until, repository, labels } = filters;
  const given = [dangling, unused || undefined, until, repository, labels[0], dryRun || undefined, confirm];
  if (given.some((each) => each !== undefined)) {
    throw invalidField('plan', 'must stand alone: it says already what goes');
  }
}

function refuseBoth({ dangling, unused }: PruneFilters): void {
  if (dangling && unused) throw invalidField('dangling', 'cannot be with unused: that takes tagged images too');
}
