import { Inject, Injectable } from '@nestjs/common';
import type { ContainerRemoveBody } from '#contracts/bodies/container';
import { conflict } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { toOutcome } from './container-rows';
import { lockContainer, refuseReported } from './find-container';
import { ALIVE } from './move-container';
import { pruneAtOnce } from './prune-containers';
import { removeContainers } from './remove-containers';

/** Has containers go. Their images stay, for as long as untagged ones do. */
@Injectable()
export class RemoveContainerHandler {
  constructor(@Inject(METADATA_CONFIG) private readonly config: MetadataConfig) {}

  /** Throws NOT_FOUND, CONFLICT while it runs and is not forced, and for one that is reported. */
  async remove(sql: Sql, { body }: Pick<OperationRow, 'body'>): Promise<Done> {
    const { container: text, force } = body as ContainerRemoveBody;
    const found = await lockContainer(sql, text);
    refuseReported(found);
    if (ALIVE.includes(found.state) && !force) {
      throw conflict(`container ${found.name} is ${found.state}: end it first, or force`, { state: found.state });
    }
    await removeContainers(sql, [found.id], this.delay);
    return { outcome: toOutcome(found) };
  }

  /** Null where they are too many for one transaction. Throws INVALID for a time that there is not. */
  async prune(sql: Sql, operation: Pick<OperationRow, 'id' | 'body'>): Promise<Done | null> {
    const outcome = await pruneAtOnce(sql, operation, this.delay.reviewInMs);
    return outcome && { outcome };
  }

  private get delay(): { reviewInMs: number } {
    return { reviewInMs: this.config.ENTREPOT_REVIEW_DELAY_MS };
  }
}
