import { Injectable } from '@nestjs/common';
import type { ContainerChangeBody, ContainerRenameBody } from '#contracts/bodies/container';
import { ContainerChanged } from '#contracts/facts';
import type { Sql } from '../database/database';
import { violates } from '../database/database-fault';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { recordFact } from '../outbox/outbox.store';
import { type ContainerRow, factOf, toOutcome } from './container-rows';
import { nameTaken } from './create-container.handler';
import { lockContainer, refuseReported } from './find-container';
import { moveContainer } from './move-container';

/** What happens to a container while it is there: its state and its name. */
@Injectable()
export class ChangeContainerHandler {
  /** Throws NOT_FOUND, CONFLICT for an illegal move and for one that is reported, INVALID. */
  async change(sql: Sql, { body }: Pick<OperationRow, 'body'>): Promise<Done> {
    const { container: text, action, exitCode } = body as ContainerChangeBody;
    const before = await lockContainer(sql, text);
    refuseReported(before);
    const moved = moveContainer(before.state, action, exitCode);
    await sql.query(
      `UPDATE container SET state = $2, changed_at = clock_timestamp(), exit_code = coalesce($3, exit_code),
          started_at = CASE WHEN $4 THEN clock_timestamp() ELSE started_at END,
          finished_at = CASE WHEN $5 THEN clock_timestamp() ELSE finished_at END
        WHERE id = $1`,
      [before.id, moved.state, moved.exitCode ?? null, moved.starts, moved.ends],
    );
    return said(sql, before, { ...before, state: moved.state });
  }

  /** Throws NOT_FOUND, CONFLICT for a name that is taken and for one that is reported. */
  async giveName(sql: Sql, { body }: Pick<OperationRow, 'body'>): Promise<Done> {
    const { container: text, name } = body as ContainerRenameBody;
    const before = await lockContainer(sql, text);
    refuseReported(before);
    if (before.name === name) return { outcome: toOutcome(before) };
    await sql
      .query('UPDATE container SET name = $2, changed_at = clock_timestamp() WHERE id = $1', [before.id, name])
      .catch((error: unknown) => {
        throw violates(error, 'container_name_key') ? nameTaken(name) : error;
      });
    return said(sql, before, { ...before, name });
  }
}

async function said(sql: Sql, before: ContainerRow, now: ContainerRow): Promise<Done> {
  const from = { name: before.name, state: before.state };
  await recordFact(sql, ContainerChanged, now.id, { ...factOf(now), from });
  return { outcome: toOutcome(now) };
}
