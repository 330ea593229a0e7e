import { Inject, Injectable } from '@nestjs/common';
import type { CompletePull } from '#contracts/calls/operations';
import type { QuestionOf } from '#contracts/define-call';
import { cancelled, conflict, isRegistryError, manifestUnknown, stale } from '#oci/registry-error';
import { CreateContainerHandler, type UsedImage } from '../container/create-container.handler';
import { Database, type Sql } from '../database/database';
import { lockTags, lockVisible } from '../database/locks';
import { storableError, storableJson } from '../database/storable-json';
import { notePull } from '../image/pull-count.store';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { knownRepository } from '../names/repository.store';
import { TagStore } from '../names/tag.store';
import { endOperation, type OperationEnd } from './end-operation';
import { countMissing, readLayers } from './operation-progress';
import type { OperationRow } from './operation-rows';
import { lockForEnd, type OperationClaim } from './operation-work.store';

/** How the blobs of a pull stand, and its end. */
@Injectable()
export class PullWorkStore {
  constructor(
    private readonly database: Database,
    private readonly tags: TagStore,
    private readonly containers: CreateContainerHandler,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Throws STALE, and CANCELLED once it was called off. */
  async readBlobs({ id, epoch }: OperationClaim) {
    const [held] = await this.database.read<{ called_off: boolean }>(
      `SELECT cancel_asked_at IS NOT NULL AS called_off FROM operation
        WHERE id = $1 AND epoch = $2 AND state = 'running'`,
      [id, epoch],
    );
    if (!held) throw stale(`operation ${id} is no longer this worker's`);
    if (held.called_off) throw cancelled(`operation ${id}`);
    const layers = await readLayers(this.database.read.bind(this.database), [id]);
    const sum = (pick: (layer: (typeof layers)[number]) => number) => layers.reduce((all, one) => all + pick(one), 0);
    return {
      missing: layers.filter(({ state }) => state !== 'held').length,
      failed: layers.flatMap(({ digest, state, error }) => (state === 'failed' && error ? [{ digest, error }] : [])),
      bytesDone: sum(({ done }) => done),
      bytesTotal: sum(({ size }) => size),
    };
  }

  /**
   * The tag, the outcome and their facts in one commit. Answers false while a blob is missing, or a manifest that was
   * only found to be here (`held`) has gone since; true again when it is sent again. Throws STALE, and
   * MANIFEST_UNKNOWN where what the operation had committed is not in that repository.
   */
  async complete(pull: QuestionOf<typeof CompletePull>): Promise<boolean> {
    const { id, epoch, repository, tag, digest, outcome, held } = pull;
    const agrees = tag !== null && (await this.tags.agrees(repository, tag.name, digest, tag.askedMsAgo));
    return this.database.transaction('metadata.complete-pull', async (sql) => {
      const operation = await lockForEnd(sql, { id, epoch });
      if (!operation) return true;
      const repositoryId = await knownRepository(sql, repository);
      if (tag && !agrees) await lockTags(sql, repositoryId, [tag.name]);
      const visible = await lockVisible(sql, repositoryId, [digest, ...(held?.manifests ?? [])]);
      if (!visible.includes(digest)) {
        if (held) return false;
        throw manifestUnknown(digest);
      }
      const adopted = held === undefined || (await adopt(sql, id, repositoryId, held));
      if (!adopted || (await countMissing(sql, id)) > 0) return disown(sql, id);
      const move = { repositoryId, repository, digest, principal: operation.principal, operation: id };
      if (tag && !agrees) await this.tags.move(sql, { ...move, ...tag });
      await notePull(sql, repositoryId, digest);
      if (held) await name(sql, pull);
      const image = { repositoryId, repository, digest, tag: tag?.name ?? null };
      const end =
        operation.kind === 'container-create'
          ? await this.createContainer(sql, operation, image)
          : { state: 'completed' as const, outcome: storableJson(outcome) };
      await endOperation(sql, operation, end, this.config.ENTREPOT_REVIEW_DELAY_MS);
      return true;
    });
  }

  /** What was pulled for a container stays pulled where that cannot be made: its name was taken meanwhile, say. */
  private async createContainer(sql: Sql, operation: OperationRow, image: UsedImage): Promise<OperationEnd> {
    try {
      const outcome = await this.containers.createOf(sql, operation, image);
      if (outcome !== null) return { state: 'completed', outcome };
      throw conflict(`${image.repository}@${image.digest} has no image here that a container could use`);
    } catch (error) {
      if (!isRegistryError(error, 'CONFLICT', 'INVALID', 'UNSUPPORTED')) throw error;
      const { code, message, detail } = error;
      return { state: 'failed', error: storableError({ code, message, detail }) };
    }
  }
}

type Held = NonNullable<QuestionOf<typeof CompletePull>['held']>;

/**
 * Counts what is here already, and locked, as the operation's. Nobody else ever sees it hold any of that, so its end
 * takes no reason to stay away, and leaves no review. Answers whether all of it is.
 */
async function adopt(sql: Sql, id: string, repositoryId: number, { source, manifests }: Held): Promise<boolean> {
  const digests = [...new Set(manifests)];
  const rows = await sql.query(
    `INSERT INTO operation_manifest (operation_id, repository_id, digest, ended)
      SELECT $1, repository_id, digest, true FROM repository_manifest
      WHERE repository_id = $2 AND digest = ANY($3) AND upstream = $4 AND credential = $5
      ON CONFLICT (operation_id, repository_id, digest) DO UPDATE SET digest = EXCLUDED.digest RETURNING 1`,
    [id, repositoryId, digests, source.upstream, source.credential],
  );
  // Somebody had removed it by itself, and somebody wants it: its subject keeps it again, as if it had been fetched.
  await sql.query(
    'UPDATE repository_manifest SET detached = false WHERE repository_id = $1 AND digest = ANY($2) AND detached',
    [repositoryId, digests],
  );
  return rows.length === digests.length;
}

/** Not all of it is here: the operation goes on, and commits what it needs one by one. */
async function disown(sql: Sql, id: string): Promise<false> {
  await sql.query('DELETE FROM operation_manifest WHERE operation_id = $1 AND ended', [id]);
  return false;
}

/** What the reference named, where no step before this one has said it. */
async function name(sql: Sql, { id, repository, tag, digest }: QuestionOf<typeof CompletePull>): Promise<void> {
  const named = { repository, tag: tag?.name ?? null, digest };
  await sql.query('UPDATE operation SET named = $2 WHERE id = $1', [id, JSON.stringify(named)]);
}
