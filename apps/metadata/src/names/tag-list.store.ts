import { Injectable } from '@nestjs/common';
import type { HeldTag, ListHeldTags, ListTagMoves } from '#contracts/calls/names';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { invalidField, notFound } from '#oci/registry-error';
import { Database } from '../database/database';
import { ImageNameStore } from '../image/image-name.store';
import { MOST_LOOKED_AT, pageOf, readPattern } from './name-pattern';
import { findRepository, knownRepository } from './repository.store';

type TagMove = AnswerOf<typeof ListTagMoves>['moves'][number];

interface TagRow {
  readonly name: HeldTag['name'];
  readonly digest: HeldTag['digest'];
  readonly moved_at: Date;
  readonly principal: HeldTag['movedBy'];
  readonly operation_id: string | null;
  readonly asked_at: Date | null;
}

type MoveRow = Pick<TagMove, 'from' | 'to' | 'held'> & {
  readonly id: number;
  readonly principal: TagMove['movedBy'];
  readonly operation_id: string | null;
  readonly moved_at: Date;
};

/** Tags as people look at them: what they name, since when, by whom, and what they named before. */
@Injectable()
export class TagListStore {
  constructor(
    private readonly database: Database,
    private readonly names: ImageNameStore,
  ) {}

  /** Throws NAME_UNKNOWN. */
  async list({ repository, pattern, after, limit }: QuestionOf<typeof ListHeldTags>) {
    const repositoryId = await knownRepository(this.reading, repository);
    const { start, end, regex } = readPattern(pattern);
    const range = [repositoryId, after ?? '', start];
    const edge = pattern === undefined ? null : await this.readEdge([...range, end]);
    const rows = await this.database.read<TagRow>(LIST_TAGS, [...range, edge ?? end, regex, limit + 1]);
    const { page, next } = pageOf(rows, { limit, edge, keyOf: ({ name }) => name });
    return { tags: page.map((row) => toTag(repository, row)), next };
  }

  private async readEdge(range: readonly unknown[]): Promise<string | null> {
    const [row] = await this.database.read<{ name: string }>(TAG_EDGE, range);
    return row?.name ?? null;
  }

  /** Throws INVALID, and NOT_FOUND where there never was such a tag. */
  async moves({ reference, after, limit }: QuestionOf<typeof ListTagMoves>) {
    const { repository, tag } = this.names.readTag(reference, 'reference');
    const repositoryId = await findRepository(this.reading, repository);
    const rows = await this.database.read<MoveRow>(LIST_MOVES, [
      repositoryId ?? 0,
      tag,
      after === undefined ? null : readCursor(after),
      limit + 1,
    ]);
    if (rows.length === 0 && after === undefined) throw notFound(`tag ${repository}:${tag}`, { reference });
    const moves = rows.slice(0, limit).map(({ id: _, principal, operation_id, moved_at, ...move }) => ({
      ...{ repository, tag, ...move, movedAt: moved_at.toISOString(), movedBy: principal, operation: operation_id },
    }));
    return { moves, next: rows.length > limit ? String(rows[limit - 1]!.id) : null };
  }

  private readonly reading = {
    query: <Row>(text: string, params?: readonly unknown[]) => this.database.read<Row>(text, params),
  };
}

/** Below every id that Postgres gives. */
function readCursor(text: string): string {
  if (/^[1-9]\d{0,17}$/.test(text)) return text;
  throw invalidField('after', 'must be the `next` of the page before');
}

function toTag(repository: string, row: TagRow): HeldTag {
  return {
    repository,
    name: row.name,
    digest: row.digest,
    movedAt: row.moved_at.toISOString(),
    movedBy: row.principal,
    operation: row.operation_id,
    confirmedAt: row.asked_at && Number.isFinite(row.asked_at.getTime()) ? row.asked_at.toISOString() : null,
  };
}

/** $2: where the page before ended; $3 and $4: the first and the last that may fit. */
export const TAG_EDGE = `
  SELECT name FROM tag WHERE repository_id = $1 AND name > $2 AND name >= $3 AND name <= $4
  ORDER BY name OFFSET ${MOST_LOOKED_AT - 1} LIMIT 1`;

export const LIST_TAGS = `
  SELECT name, digest, moved_at, nullif(asked_at, 'infinity') AS asked_at, move.principal, move.operation_id FROM tag
  LEFT JOIN LATERAL (SELECT principal, operation_id FROM tag_move
    WHERE tag_move.repository_id = tag.repository_id AND tag_move.name = tag.name ORDER BY id DESC LIMIT 1) AS move ON true
  WHERE repository_id = $1 AND name > $2 AND name >= $3 AND name <= $4 AND name ~ $5
  ORDER BY name LIMIT $6`;

/** The newest first; $3: the id of the last one of the page before. */
export const LIST_MOVES = `
  SELECT id, from_digest AS "from", to_digest AS "to", principal, operation_id, moved_at,
    to_digest IS NOT NULL AND (SELECT true FROM repository_manifest AS visible
      WHERE visible.repository_id = tag_move.repository_id AND visible.digest = to_digest) IS NOT NULL AS held
  FROM tag_move WHERE repository_id = $1 AND name = $2 AND id < coalesce($3::bigint, 9223372036854775807)
  ORDER BY id DESC LIMIT $4`;
