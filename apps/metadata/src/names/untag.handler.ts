import { Inject, Injectable } from '@nestjs/common';
import type { TagOutcome, UntagBody } from '#contracts/bodies/tag';
import { notFound } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { lockTags, lockVisible } from '../database/locks';
import { ImageNameStore } from '../image/image-name.store';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { queueManifestReviews } from '../review/queue-reviews';
import { expectTag, readTagDigest } from './expect-tag';
import { removeTags } from './remove-tags';
import { findRepository } from './repository.store';

/** Takes a name away. The image stays, for as long as untagged ones do: untag is not delete. */
@Injectable()
export class UntagHandler {
  constructor(
    private readonly names: ImageNameStore,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Throws INVALID, NOT_FOUND, PRECONDITION. */
  async untag(sql: Sql, { id, principal, body }: OperationRow): Promise<Done> {
    const { reference, expected } = body as UntagBody;
    const { repository, tag } = this.names.readTag(reference, 'reference');
    const repositoryId = await findRepository(sql, repository);
    if (repositoryId !== undefined) await lockTags(sql, repositoryId, [tag]);
    const digest = await readTagDigest(sql, repositoryId, tag);
    expectTag(`${repository}:${tag}`, digest, expected);
    if (repositoryId === undefined || digest === null) throw notFound(`tag ${repository}:${tag}`, { reference });
    await lockVisible(sql, repositoryId, [digest]);
    await removeTags(sql, { repositoryId, repository, digest, tags: [tag], principal, operation: id });
    await queueManifestReviews(sql, repositoryId, [digest], this.config.ENTREPOT_REVIEW_DELAY_MS);
    const outcome: TagOutcome = { repository, tag, from: digest, to: null };
    return { outcome, named: { repository, tag, digest } };
  }
}
