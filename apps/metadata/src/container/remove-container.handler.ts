import { Inject, Injectable } from '@nestjs/common';
import type { ContainerPruneBody, ContainerPruneOutcome, ContainerRemoveBody } from '#contracts/bodies/container';
import { MOST_NAMES } from '#contracts/bodies/remove';
import { conflict } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { toOutcome } from './container-rows';
import { lockContainer, refuseReported } from './find-container';
import { ALIVE, STOPPED } from './move-container';
import { labelCondition, labelParams, readLabelFilter } from './read-label-filter';
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

  /** Those that have no process, were made here, and that all filters take. */
  async prune(sql: Sql, { body }: Pick<OperationRow, 'body'>): Promise<Done> {
    const { until, labels, dryRun } = body as ContainerPruneBody;
    const asked = [STOPPED, until ?? null, ...labelParams(readLabelFilter(labels))];
    const found = await sql.query<{ container: string; name: string }>(dryRun ? PRUNED : `${PRUNED} FOR UPDATE`, asked);
    if (!dryRun)
      await removeContainers(
        sql,
        found.map(({ container }) => container),
        this.delay,
      );
    const outcome: ContainerPruneOutcome = { containers: found.slice(0, MOST_NAMES), count: found.length, dryRun };
    return { outcome };
  }

  private get delay(): { reviewInMs: number } {
    return { reviewInMs: this.config.ENTREPOT_REVIEW_DELAY_MS };
  }
}

/** Where labels decide, those whose image's labels are not known yet are left. */
const PRUNED = `
  SELECT id AS container, name FROM container
  WHERE state = ANY($1) AND reporter IS NULL AND ($2::timestamptz IS NULL OR created_at < $2)
    AND (NOT $3::boolean OR NOT EXISTS (SELECT FROM image_config
      WHERE image_config.manifest = container.manifest AND read_at IS NULL))
    AND ${labelCondition(3)} ORDER BY id`;
