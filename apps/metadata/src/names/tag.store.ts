import { Inject, Injectable } from '@nestjs/common';
import { TagMoved } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import type { RepositoryName } from '#oci/repository-name';
import type { Tag } from '#oci/tag';
import { Database, type Sql } from '../database/database';
import { keepImagesAgain } from '../image/release-image';
import { noteTags } from '../journal/note-journal';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { recordFact } from '../outbox/outbox.store';
import { queueManifestReviews } from '../review/queue-reviews';
import { findRepository } from './repository.store';

export interface TagMove {
  readonly repositoryId: number;
  readonly repository: RepositoryName;
  readonly name: Tag;
  readonly digest: Digest;
  /** How long ago the upstream was asked, in milliseconds; null for a tag that is pushed. */
  readonly askedMsAgo: number | null;
  readonly principal: string;
  readonly operation: string | null;
}

interface TagRow {
  readonly digest: Digest;
  readonly older: boolean;
}

/** Tags are read and written in Postgres' primary alone. */
@Injectable()
export class TagStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /**
   * Has a tag name a manifest that is visible there, unless its upstream was asked later for what it names now.
   * The caller holds the tag's lock (`lockTags`), taken before the manifest's. What it named is reviewed; what it names
   * now is wanted again, if somebody had asked for it to go.
   */
  async move(sql: Sql, { repositoryId, repository, name, digest, askedMsAgo, ...by }: TagMove): Promise<void> {
    const [before] = await sql.query<TagRow>(
      `SELECT digest, coalesce(asked_at, '-infinity') < ${ASKED} AS older FROM tag
        WHERE repository_id = $1 AND name = $2 FOR UPDATE`,
      [repositoryId, name, askedMsAgo],
    );
    if (before && !before.older) return;
    await sql.query(
      `INSERT INTO tag (repository_id, name, digest, asked_at)
        VALUES ($1, $2, $4, CASE WHEN $3::float8 IS NULL THEN NULL ELSE ${ASKED} END)
        ON CONFLICT (repository_id, name) DO UPDATE SET digest = EXCLUDED.digest, asked_at = EXCLUDED.asked_at,
          moved_at = CASE WHEN tag.digest = EXCLUDED.digest THEN tag.moved_at ELSE now() END`,
      [repositoryId, name, askedMsAgo, digest],
    );
    if (before?.digest === digest) return;
    const from = before?.digest ?? null;
    await sql.query(
      `WITH moved AS (INSERT INTO tag_move (repository_id, name, from_digest, to_digest, principal, operation_id)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING *) ${noteTags('moved')}`,
      [repositoryId, name, from, digest, by.principal, by.operation],
    );
    if (from) await queueManifestReviews(sql, repositoryId, [from], this.config.ENTREPOT_REVIEW_DELAY_MS);
    await keepImagesAgain(sql, repositoryId, [digest]);
    await recordFact(sql, TagMoved, `${repository}:${name}`, { repository, tag: name, from, to: digest });
  }

  /**
   * Whether the tag names this digest already, and is as young as this question to its upstream, or was made so: no
   * lock is held for long, so that all who pull one image at once do not wait for each other.
   */
  async agrees(repository: RepositoryName, tag: Tag, digest: Digest, askedMsAgo: number): Promise<boolean> {
    const [row] = await this.database.read<{ fresh: boolean }>(
      `SELECT asked_at > now() - $4 * interval '1 millisecond' AS fresh FROM tag
        JOIN repository ON repository.id = repository_id AND repository.name = $1 WHERE tag.name = $2 AND digest = $3`,
      [repository, tag, digest, FRESH_MS],
    );
    return row?.fresh === true || (row !== undefined && this.confirm(repository, tag, digest, askedMsAgo));
  }

  /** Whether the tag still names this digest; its age begins anew if so. */
  async confirm(repository: RepositoryName, tag: Tag, digest: Digest, askedMsAgo: number): Promise<boolean> {
    return this.database.transaction('metadata.confirm-tag', async (sql) => {
      const rows = await sql.query(
        `UPDATE tag SET asked_at = greatest(asked_at, ${ASKED}) FROM repository
          WHERE repository.id = repository_id AND repository.name = $1 AND tag.name = $2 AND digest = $4
          RETURNING 1`,
        [repository, tag, askedMsAgo, digest],
      );
      return rows.length > 0;
    });
  }

  /** In the order of bytes, as the distribution specification asks. */
  async list(repository: RepositoryName, after: string, limit: number) {
    const repositoryId = await findRepository(
      { query: (text, params) => this.database.read(text, params) },
      repository,
    );
    if (repositoryId === undefined) return { found: false, tags: [], more: false };
    const rows = await this.database.read<{ name: Tag }>(
      'SELECT name FROM tag WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3',
      [repositoryId, after, limit === 0 ? 0 : limit + 1],
    );
    return { found: true, tags: rows.slice(0, limit).map((row) => row.name), more: rows.length > limit };
  }
}

/** Of a tag's age nobody cares for less. */
const FRESH_MS = 1_000;

/** When the upstream was asked, by Postgres' clock: $3 milliseconds ago; a push is always later. */
const ASKED = `coalesce(now() - $3::float8 * interval '1 millisecond', 'infinity')`;
