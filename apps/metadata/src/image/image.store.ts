import { Injectable } from '@nestjs/common';
import type { Image } from '#contracts/calls/images';
import { isDigest } from '#oci/digest';
import { formatPlatform, type Platform } from '#oci/platform';
import { invalidField } from '#oci/registry-error';
import { isRepositoryName } from '#oci/repository-name';
import { Database } from '../database/database';

interface ImageRow {
  readonly repository: string;
  readonly digest: Image['digest'];
  readonly media_type: string;
  readonly tags: string[];
  readonly size: number;
  readonly complete: boolean;
  readonly platforms: Platform[];
  readonly committed_at: Date;
  readonly pulls: number;
  readonly pulled_at: Date | null;
  readonly upstream: string | null;
}

export interface ImageFilter {
  readonly repository?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** What is held, as people look at it. */
@Injectable()
export class ImageStore {
  constructor(private readonly database: Database) {}

  /** By repository name, then digest. */
  async list({ repository, after, limit }: ImageFilter): Promise<{ images: Image[]; next: string | null }> {
    const cursor = after === undefined ? null : readCursor(after);
    const rows = await this.database.read<ImageRow>(LIST, [
      repository ?? null,
      cursor?.repository ?? '',
      cursor?.digest ?? '',
      limit + 1,
    ]);
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return { images: page.map(toImage), next: last ? `${last.repository}@${last.digest}` : null };
  }
}

function readCursor(text: string): { repository: string; digest: string } {
  const [repository = '', digest = ''] = text.split('@');
  if (isRepositoryName(repository) && isDigest(digest)) return { repository, digest };
  throw invalidField('after', 'must be the `next` of the page before');
}

function toImage(row: ImageRow): Image {
  return {
    repository: row.repository,
    tags: row.tags,
    digest: row.digest,
    id: row.digest,
    mediaType: row.media_type,
    size: row.size,
    complete: row.complete,
    platforms: [...new Set(row.platforms.filter(isRunnable).map(formatPlatform))],
    createdAt: row.committed_at.toISOString(),
    pulls: row.pulls,
    pulledAt: row.pulled_at?.toISOString() ?? null,
    source: row.upstream === null ? 'pushed' : 'fetched',
  };
}

/** What BuildKit attests about an image lies beside it in its index, as `unknown/unknown`. */
function isRunnable({ os, architecture }: Platform): boolean {
  return !!os && !!architecture && os !== 'unknown' && architecture !== 'unknown';
}

/**
 * Untagged, an image is left out where it is part of another one (a child of an index, a referrer), or where somebody
 * asked for it to go and nobody has pulled it since. $2 and $3: where the page before ended. What stands in LATERAL is
 * asked row by row, from an index: the planner must not read whole tables for one page (OFFSET 0 says so to it).
 */
export const LIST = `
  WITH RECURSIVE page AS (
    SELECT r.id AS repository_id, r.name AS repository, rm.* FROM repository r
    CROSS JOIN LATERAL (
      SELECT digest, upstream, committed_at, COALESCE(pulls, 0) AS pulls, pulled_at FROM repository_manifest own
      LEFT JOIN LATERAL (SELECT pulls, pulled_at FROM pull_count counted
        WHERE counted.repository_id = own.repository_id AND counted.digest = own.digest OFFSET 0) counted ON true
      WHERE repository_id = r.id AND digest > CASE WHEN r.name = $2 THEN $3 ELSE '' END AND (
        (SELECT true FROM tag WHERE tag.repository_id = r.id AND tag.digest = own.digest LIMIT 1)
        OR (
          (removed_at IS NULL OR pulled_at > removed_at)
          AND (SELECT subject IS NULL FROM manifest m WHERE m.digest = own.digest)
          AND (SELECT true FROM manifest_child c JOIN repository_manifest above ON above.repository_id = r.id
            AND above.digest = c.parent WHERE c.held = own.digest LIMIT 1) IS NULL
        )
      )
      ORDER BY digest LIMIT $4
    ) rm
    WHERE ($1::text IS NULL OR r.name = $1) AND r.name >= $2
    ORDER BY r.name, rm.digest LIMIT $4
  ), tree AS (
    SELECT repository_id, digest AS top, digest AS member, NULL::jsonb AS platform, 0 AS depth FROM page
    UNION
    SELECT t.repository_id, t.top, c.held, c.platform, t.depth + 1 FROM tree t
    CROSS JOIN LATERAL (
      SELECT child.held, child.platform FROM manifest_child child
      JOIN repository_manifest rm ON rm.repository_id = t.repository_id AND rm.digest = child.held
      WHERE child.parent = t.member OFFSET 0
    ) c
    WHERE t.depth < 4
  ), listed AS (
    SELECT DISTINCT ON (t.repository_id, t.top, b.digest) t.repository_id, t.top, b.size, b.required,
      (SELECT true FROM repository_blob given JOIN blob ON blob.digest = given.digest
        JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
        WHERE given.repository_id = t.repository_id AND given.digest = b.digest LIMIT 1) IS NOT NULL AS here
    FROM tree t
    CROSS JOIN LATERAL (SELECT digest, size, required FROM manifest_blob WHERE manifest = t.member OFFSET 0) b
  ), sums AS (
    SELECT repository_id, top, sum(size) FILTER (WHERE here) AS size, bool_and(here OR NOT required) AS complete
    FROM listed GROUP BY repository_id, top
  )
  SELECT p.repository, p.digest, m.media_type, p.committed_at, p.pulls, p.pulled_at, p.upstream,
    ARRAY(SELECT name FROM tag WHERE tag.repository_id = p.repository_id AND tag.digest = p.digest ORDER BY name) AS tags,
    COALESCE(s.size, 0)::bigint AS size, COALESCE(s.complete, m.kind = 'other') AS complete,
    ARRAY(SELECT COALESCE(t.platform, below.platform) FROM tree t JOIN manifest below ON below.digest = t.member
      WHERE t.repository_id = p.repository_id AND t.top = p.digest
        AND COALESCE(t.platform, below.platform) IS NOT NULL ORDER BY t.depth, t.member) AS platforms
  FROM page p CROSS JOIN LATERAL (SELECT media_type, kind FROM manifest WHERE digest = p.digest OFFSET 0) m
  LEFT JOIN sums s ON s.repository_id = p.repository_id AND s.top = p.digest
  ORDER BY p.repository, p.digest`;
