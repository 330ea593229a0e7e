import { Injectable } from '@nestjs/common';
import type { OperationKind } from '#contracts/operation';
import { ChangeContainerHandler } from '../container/change-container.handler';
import { CreateContainerHandler } from '../container/create-container.handler';
import { RemoveContainerHandler } from '../container/remove-container.handler';
import { ReportContainersHandler } from '../container/report-containers.handler';
import type { Sql } from '../database/database';
import { RemoveImageHandler } from '../image/remove-image.handler';
import { RollBackTagHandler } from '../names/roll-back-tag.handler';
import { TagImageHandler } from '../names/tag-image.handler';
import { UntagHandler } from '../names/untag.handler';
import { PruneHandler } from '../prune/prune.handler';
import { RestoreHandler } from '../trash/restore.handler';
import type { Done } from './done';
import type { OperationRow } from './operation-rows';

/** Does an operation whose row is in this transaction already. Throws what makes the request a wrong one. */
export type Immediately = (sql: Sql, operation: OperationRow) => Promise<Done | null>;

/**
 * What needs nobody but Postgres is done where it is taken in: acceptance, effect and end are one commit, and who asked
 * has the answer at once.
 */
@Injectable()
export class ImmediateWork {
  private readonly byKind: Partial<Record<OperationKind, Immediately>>;

  constructor(
    tags: TagImageHandler,
    untags: UntagHandler,
    rollbacks: RollBackTagHandler,
    restores: RestoreHandler,
    creates: CreateContainerHandler,
    changes: ChangeContainerHandler,
    removes: RemoveContainerHandler,
    reports: ReportContainersHandler,
    imageRemoves: RemoveImageHandler,
    prunes: PruneHandler,
  ) {
    this.byKind = {
      tag: (sql, operation) => tags.tag(sql, operation),
      untag: (sql, operation) => untags.untag(sql, operation),
      rollback: (sql, operation) => rollbacks.rollBack(sql, operation),
      restore: (sql, operation) => restores.restore(sql, operation),
      'container-create': (sql, operation) => creates.create(sql, operation),
      'container-change': (sql, operation) => changes.change(sql, operation),
      'container-rename': (sql, operation) => changes.giveName(sql, operation),
      'container-remove': (sql, operation) => removes.remove(sql, operation),
      remove: (sql, operation) => imageRemoves.removeAtOnce(sql, operation),
      'container-prune': (sql, operation) => removes.prune(sql, operation),
      'container-report': (sql, operation) => reports.report(sql, operation),
      prune: (sql, operation) => prunes.prune(sql, operation),
    };
  }

  /** Null where somebody else is to claim it. */
  async run(sql: Sql, operation: OperationRow): Promise<Done | null> {
    return (await this.byKind[operation.kind]?.(sql, operation)) ?? null;
  }
}
