import type { PruneFilters } from '#contracts/bodies/prune';
import { isListed, noneAtOnce } from '../image/is-listed';
import { WITH_ABSENCES } from '../review/keep-reasons';
import { readUntil } from './read-until';

/**
 * Why an image stays, or that it goes: one row for each image that a list would show, of the repositories $1 and
 * the digests $2 (null: all). `kept_by` is null where it goes. What is in use, under way or promised stays, and so does
 * all that hangs together with it: the indexes above, and what is below those. $3: tagged ones may go too; $4 and $5: for
 * how long in milliseconds, or since when it is not wanted; $6 and $7: labels that it must have, and keys of labels.
 */
export const JUDGED = `
  roots (repository_id, digest, why) AS (
    SELECT repository_id, digest, 'container' FROM container WHERE ${within('container')}
    UNION ALL
    SELECT repository_id, digest, 'operation' FROM operation_manifest WHERE NOT ended AND ${within('operation_manifest')}
    UNION ALL
    SELECT repository_id, digest, 'pin' FROM pin WHERE kind = 'manifest' AND until > now() AND ${within('pin')}
  ), above (repository_id, digest, why) AS (
    SELECT * FROM roots
    UNION
    SELECT above.repository_id, child.parent, why FROM above JOIN manifest_child AS child ON child.digest = above.digest
  ), below (repository_id, digest, why) AS (
    SELECT * FROM above
    UNION
    SELECT below.repository_id, next.digest, why FROM below, LATERAL (
      SELECT child.digest FROM manifest_child AS child WHERE child.parent = below.digest
      UNION ALL
      SELECT manifest.digest FROM manifest WHERE manifest.subject = below.digest) AS next
  ), used AS (
    SELECT repository_id, digest, min(why) AS why FROM below GROUP BY repository_id, digest
  ), named AS (
    SELECT repository_id, digest, array_agg(name ORDER BY name) AS tags FROM tag
    WHERE ${within('tag')} AND ($2::text[] IS NULL OR digest = ANY($2)) GROUP BY repository_id, digest
  ), listed AS (
    SELECT own.repository_id, own.digest, coalesce(tags, '{}') AS tags,
      greatest(committed_at, pulled_at) AS used_at, used.why
    FROM repository_manifest AS own
    LEFT JOIN named USING (repository_id, digest)
    LEFT JOIN used USING (repository_id, digest)
    LEFT JOIN pull_count USING (repository_id, digest)
    WHERE ${within('own')} AND ($2::text[] IS NULL OR own.digest = ANY($2)) AND ${isListed('tags IS NOT NULL', noneAtOnce)}
  ), judged AS (
    SELECT listed.*, repository.name AS repository, CASE
      WHEN why IS NOT NULL THEN why
      WHEN NOT $3 AND tags <> '{}' THEN 'tag'
      WHEN used_at >= $5::timestamptz THEN 'recent'
      WHEN used_at + $4::float8 * interval '1 millisecond' + ${WITH_ABSENCES('used_at')} > now() THEN 'recent'
      WHEN ($6::jsonb <> '{}' OR $7::text[] <> '{}') AND NOT EXISTS (
        SELECT FROM image_config WHERE labels @> $6 AND labels ?& $7 AND manifest IN (
          SELECT listed.digest UNION ALL SELECT held FROM manifest_child WHERE parent = listed.digest)) THEN 'label'
      END AS kept_by
    FROM listed JOIN repository ON repository.id = listed.repository_id
  )`;

function within(table: string): string {
  return `($1::bigint[] IS NULL OR ${table}.repository_id = ANY($1))`;
}

/** The parameters of `JUDGED`. Throws INVALID for a time that there is not. */
export function judgeBy(
  filters: PruneFilters,
  repositoryIds: readonly number[] | null,
  digests: readonly string[] | null = null,
): unknown[] {
  const until = filters.until === undefined ? null : readUntil(filters.until);
  const labels = filters.labels.map(readLabel);
  const pairs = labels.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value]]));
  const keys = labels.flatMap(({ key, value }) => (value === undefined ? [key] : []));
  return [
    repositoryIds,
    digests,
    takesTagged(filters),
    until && 'forMs' in until ? until.forMs : null,
    until && 'since' in until ? until.since : null,
    JSON.stringify(Object.fromEntries(pairs)),
    keys,
  ];
}

function readLabel(text: string): { key: string; value?: string } {
  const at = text.indexOf('=');
  return at < 0 ? { key: text } : { key: text.slice(0, at), value: text.slice(at + 1) };
}

/** Docker's `dangling=false` is its `--all`. */
export function takesTagged({ dangling, unused }: PruneFilters): boolean {
  return unused || dangling === false;
}
