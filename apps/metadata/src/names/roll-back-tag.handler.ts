import { Injectable } from '@nestjs/common';
import type { RollbackBody, TagOutcome } from '#contracts/bodies/tag';
import type { Digest } from '#oci/digest';
import { conflict, invalidField, notFound, RegistryError } from '#oci/registry-error';
import type { Sql } from '../database/database';
import { lockManifests, lockTags, lockVisible } from '../database/locks';
import { ImageNameStore } from '../image/image-name.store';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { expectTag, readTagDigest } from './expect-tag';
import { findRepository } from './repository.store';
import { TagStore } from './tag.store';

/** Has a tag name again what it named before, while that is still held. */
@Injectable()
export class RollBackTagHandler {
  constructor(
    private readonly names: ImageNameStore,
    private readonly tags: TagStore,
  ) {}

  /** Throws INVALID, NOT_FOUND where it never named that, CONFLICT where that is held no more, PRECONDITION. */
  async rollBack(sql: Sql, { id, principal, body }: OperationRow): Promise<Done> {
    const { reference, to: asked, expected } = body as RollbackBody;
    const { repository, tag, isLocal } = this.names.readTag(reference, 'reference');
    if (!isLocal) throw invalidField('reference', this.names.localRule);
    const name = `${repository}:${tag}`;
    const repositoryId = await findRepository(sql, repository);
    if (repositoryId === undefined) throw notFound(`tag ${name}`, { reference });
    await lockTags(sql, repositoryId, [tag]);
    const from = await readTagDigest(sql, repositoryId, tag);
    expectTag(name, from, expected);
    const digest = await readNamed(sql, repositoryId, tag, { from, asked });
    if (digest === undefined) throw neverNamed(name, asked);
    await lockManifests(sql, [digest]);
    const visible = await lockVisible(sql, repositoryId, [digest]);
    if (visible.length === 0) throw conflict(`${repository}@${digest} is held no more: it can only be pushed again`);
    const move = { repositoryId, repository, name: tag, digest, askedMsAgo: null, principal, operation: id };
    await this.tags.move(sql, move);
    const outcome: TagOutcome = { repository, tag, from, to: digest };
    return { outcome, named: { repository, tag, digest } };
  }
}

function neverNamed(name: string, asked: Digest | undefined): RegistryError {
  const other = asked ?? 'another image';
  return new RegistryError('NOT_FOUND', `${name} never named ${other}: its history says where it can go back to`);
}

/** What it named when it was asked for, or else last before what it names now. */
async function readNamed(
  sql: Sql,
  repositoryId: number,
  tag: string,
  { from, asked }: { from: Digest | null; asked: Digest | undefined },
): Promise<Digest | undefined> {
  const [row] = await sql.query<{ digest: Digest }>(
    `SELECT to_digest AS digest FROM tag_move WHERE repository_id = $1 AND name = $2 AND to_digest IS NOT NULL
      AND CASE WHEN $3::text IS NULL THEN to_digest IS DISTINCT FROM $4 ELSE to_digest = $3 END
      ORDER BY id DESC LIMIT 1`,
    [repositoryId, tag, asked ?? null, from],
  );
  return row?.digest;
}
