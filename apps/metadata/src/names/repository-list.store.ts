import { Injectable } from '@nestjs/common';
import type { ListRepositories, Repository } from '#contracts/calls/names';
import type { QuestionOf } from '#contracts/define-call';
import { Database } from '../database/database';
import { MOST_LOOKED_AT, pageOf, readPattern } from './name-pattern';

interface RepositoryRow {
  readonly name: string | null;
  readonly upstream: string | null;
  readonly is_private: boolean;
  readonly created_at: Date;
  readonly as_of: Date | null;
  readonly manifests: number;
  readonly tags: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly unique_bytes: number;
  readonly pulls: number;
  readonly pulled_at: Date | null;
  readonly edge: string | null;
}

/** Repositories as people look at them. */
@Injectable()
export class RepositoryListStore {
  constructor(private readonly database: Database) {}

  async list({ pattern, kind, upstream, after, limit, ...asked }: QuestionOf<typeof ListRepositories>) {
    const { start, end, like } = readPattern(pattern);
    const isFiltered = [pattern, kind, upstream, asked.private].some((filter) => filter !== undefined);
    const rows = await this.database.read<RepositoryRow>(LIST_REPOSITORIES, [
      after ?? '',
      start,
      end,
      like,
      kind === undefined ? null : kind === 'local',
      upstream ?? null,
      asked.private ?? null,
      isFiltered,
      limit + 1,
    ]);
    const found = rows.filter((row): row is RepositoryRow & { name: string } => row.name !== null);
    const { page, next } = pageOf(found, { limit, edge: rows[0]?.edge ?? null, keyOf: ({ name }) => name });
    return { repositories: page.map((row) => toRepository(row.name, row)), next };
  }
}

function toRepository(name: string, row: RepositoryRow): Repository {
  const { upstream, is_private, created_at } = row;
  return { name, upstream, private: is_private, createdAt: created_at.toISOString(), counted: toCounted(row) };
}

function toCounted(row: RepositoryRow): Repository['counted'] {
  if (row.as_of === null) return null;
  const { manifests, tags, blobs, bytes, unique_bytes, pulls, pulled_at, as_of } = row;
  return {
    ...{ manifests, tags, blobs, bytes, uniqueBytes: unique_bytes, pulls },
    pulledAt: pulled_at?.toISOString() ?? null,
    asOf: as_of.toISOString(),
  };
}

/** $1: where the page before ended; $2 to $7: the filters; $8: whether there are any, so that looking has to end. */
export const LIST_REPOSITORIES = `
  WITH edge AS MATERIALIZED (
    SELECT name FROM repository WHERE name > $1 AND name >= $2 AND name < $3 AND $8::boolean
    ORDER BY name OFFSET ${MOST_LOOKED_AT - 1} LIMIT 1
  )
  SELECT page.*, counted.*, (SELECT name FROM edge) AS edge FROM (SELECT) AS one LEFT JOIN LATERAL (
    SELECT id, name, upstream, is_private, created_at FROM repository
    WHERE name > $1 AND name >= $2 AND name < $3 AND name LIKE $4
      AND ($5::boolean IS NULL OR (upstream IS NULL) = $5) AND ($6::text IS NULL OR upstream = $6)
      AND ($7::boolean IS NULL OR is_private = $7)
      AND name <= coalesce((SELECT name FROM edge), $3)
    ORDER BY name LIMIT $9
  ) AS page ON true
  LEFT JOIN LATERAL (
    SELECT repository_usage.*, as_of FROM repository_usage CROSS JOIN usage WHERE repository_id = page.id OFFSET 0
  ) AS counted ON true
  ORDER BY page.name`;
