import { Injectable } from '@nestjs/common';
import type { TagBody, TagOutcome } from '#contracts/bodies/tag';
import { invalidField } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { lockTags } from '../database/locks';
import { ImageNameStore } from '../image/image-name.store';
import { CopyImageHandler } from '../manifest/copy-image.handler';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { expectTag, readTagDigest } from './expect-tag';
import { ensureRepository } from './repository.store';
import { TagStore } from './tag.store';

/** Gives an image that is here a name of this installation. Nothing is copied but rows. */
@Injectable()
export class TagImageHandler {
  constructor(
    private readonly names: ImageNameStore,
    private readonly copies: CopyImageHandler,
    private readonly tags: TagStore,
  ) {}

  /** Throws INVALID, NOT_FOUND, CONFLICT for an image that is not whole here, PRECONDITION. */
  async tag(sql: Sql, { id, principal, body }: OperationRow): Promise<Done> {
    const { source, target, expected } = body as TagBody;
    const { repository, tag, isLocal } = this.names.readTag(target, 'target');
    if (!isLocal) throw invalidField('target', this.names.localRule);
    const image = await this.names.find(sql, source, 'source');
    const isPrivate = await this.copies.isPrivate(sql, image.repositoryId);
    const repositoryId = await ensureRepository(sql, { name: repository, upstream: null, isPrivate });
    await lockTags(sql, repositoryId, [tag]);
    const from = await readTagDigest(sql, repositoryId, tag);
    expectTag(`${repository}:${tag}`, from, expected);
    await this.copies.copy(sql, image, { id: repositoryId, name: repository });
    const { digest } = image;
    await this.tags.move(sql, {
      repositoryId,
      repository,
      name: tag,
      digest,
      askedMsAgo: null,
      principal,
      operation: id,
    });
    const outcome: TagOutcome = { repository, tag, from, to: digest };
    return { outcome, named: { repository, tag, digest } };
  }
}
