import { Injectable } from '@nestjs/common';
import { MOST_NAMES } from '#contracts/bodies/remove';
import type { TrashEntry } from '#contracts/calls/trash';
import type { Principal } from '#contracts/principal';
import { invalidField } from '#oci/registry-error';
import { Database } from '../database/database';
import { undoEnds } from '../review/keep-reasons';

interface TrashRow {
  readonly id: string;
  readonly repository: string;
  readonly digest: TrashEntry['digest'];
  readonly tags: string[];
  readonly tag_count: number;
  readonly whole: boolean;
  readonly removed_at: Date;
  readonly principal: Principal;
  readonly operation_id: string | null;
  readonly until: Date;
}

export interface TrashFilter {
  readonly repository?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** What was removed and can still be had back, as people look at it. */
@Injectable()
export class TrashStore {
  constructor(private readonly database: Database) {}

  /** What was removed last first. Throws INVALID for an `after` that no page had. */
  async list({ repository, after, limit }: TrashFilter): Promise<{ entries: TrashEntry[]; next: string | null }> {
    const from = after === undefined ? null : await this.readCursor(after);
    const query = repository === undefined ? LIST : LIST_THERE;
    const params = [from, after ?? null, limit + 1, MOST_NAMES];
    const rows = await this.database.read<TrashRow>(query, repository === undefined ? params : [...params, repository]);
    const entries = rows.slice(0, limit).map(toEntry);
    return { entries, next: rows.length > limit ? entries.at(-1)!.id : null };
  }

  private async readCursor(id: string): Promise<string> {
    const [row] = await this.database.read<{ until: string }>('SELECT until::text FROM trash WHERE id = $1', [id]);
    if (!row) throw invalidField('after', 'must be the `next` of the page before');
    return row.until;
  }
}

function toEntry(row: TrashRow): TrashEntry {
  return {
    id: row.id,
    repository: row.repository,
    digest: row.digest,
    tags: row.tags,
    tagCount: row.tag_count,
    whole: row.whole,
    removedAt: row.removed_at.toISOString(),
    removedBy: row.principal,
    operation: row.operation_id,
    until: row.until.toISOString(),
  };
}

/** No window is longer by more than that: so much of an index is read. */
const ALL_ABSENCES = `(SELECT coalesce(sum(ended_at - began_at), '0') FROM absence)`;

/** $1, $2: where the page before ended. $3: how many; $4: how many tags of each. */
const page = (where: string) => `
  SELECT trash.id, (SELECT name FROM repository WHERE repository.id = repository_id) AS repository, digest,
    tags[1:$4] AS tags, cardinality(tags) AS tag_count, whole, removed_at, principal, operation_id,
    ${undoEnds('trash')} AS until
  FROM trash WHERE keeps IS NOT NULL AND trash.until > now() - ${ALL_ABSENCES} AND ${undoEnds('trash')} > now() AND ${where}
    AND (trash.until, id) < (coalesce($1::timestamptz, 'infinity'), coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
  ORDER BY trash.until DESC, id DESC LIMIT $3`;

export const LIST = page('true');
export const LIST_THERE = page('repository_id = (SELECT id FROM repository WHERE name = $5)');
