import { Injectable } from '@nestjs/common';
import type { ListRepositories, Repository } from '#contracts/calls/names';
import type { QuestionOf } from '#contracts/define-call';
import { Database } from '../database/database';
import { MOST_LOOKED_AT, pageOf, readPattern } from './name-pattern';

interface RepositoryRow {
  readonly name: string;
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
}

/** Repositories as people look at them. */
@Injectable()
export class RepositoryListStore {
  constructor(private readonly database: Database) {}

  async list({ pattern, kind, upstream, after, limit, ...asked }: QuestionOf<typeof ListRepositories>) {
    const { start, end, regex } = readPattern(pattern);
    const isFiltered = [pattern, kind, upstream, asked.private].some((filter) => filter !== undefined);
    const range = [after ?? '', start];
    const edge = isFiltered ? await this.readEdge([...range, end]) : null;
    const isLocal = kind === undefined ? null : kind === 'local';
    const filters = [regex, isLocal, upstream ?? null, asked.private ?? null];
    const rows = await this.database.read<RepositoryRow>(LIST_REPOSITORIES, [
      ...range,
      edge ?? end,
      ...filters,
      limit + 1,
    ]);
    const { page, next } = pageOf(rows, { limit, edge, keyOf: ({ name }) => name });
    return { repositories: page.map(toRepository), next };
  }

  private async readEdge(range: readonly unknown[]): Promise<string | null> {
    const [row] = await this.database.read<{ name: string }>(REPOSITORY_EDGE, range);
    return row?.name ?? null;
  }
}

function toRepository(row: RepositoryRow): Repository {
  const { name, upstream, is_private, created_at } = row;
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

/** $1: where the page before ended; $2 and $3: the first and the last that may fit. */
export const REPOSITORY_EDGE = `
  SELECT name FROM repository WHERE name > $1 AND name >= $2 AND name <= $3
  ORDER BY name OFFSET ${MOST_LOOKED_AT - 1} LIMIT 1`;

export const LIST_REPOSITORIES = `
  SELECT page.*, counted.* FROM (
    SELECT id, name, upstream, is_private, created_at FROM repository
    WHERE name > $1 AND name >= $2 AND name <= $3 AND name ~ $4
      AND ($5::boolean IS NULL OR (upstream IS NULL) = $5) AND ($6::text IS NULL OR upstream = $6)
      AND ($7::boolean IS NULL OR is_private = $7)
    ORDER BY name LIMIT $8
  ) AS page
  LEFT JOIN LATERAL (
    SELECT repository_usage.*, as_of FROM repository_usage CROSS JOIN usage WHERE repository_id = page.id OFFSET 0
  ) AS counted ON true
  ORDER BY page.name`;
