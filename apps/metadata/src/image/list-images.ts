import type { ImageSort } from '#contracts/calls/images';
import type { Narrowed } from './narrow-images';

/*
 * Lists of images. Parameters: $1 and $2 are the repository and the digest where the page before ended, $3 is how many
 * are read, $4 the key by which the page before ended. What stands in LATERAL is asked row by row, from an index: the
 * planner must not read whole tables for one page (OFFSET 0 says so to it).
 */

const COUNTED = `LEFT JOIN LATERAL (SELECT pulls, pulled_at FROM pull_count counted
  WHERE counted.repository_id = own.repository_id AND counted.digest = own.digest OFFSET 0) counted ON true`;

/**
 * Untagged, an image is left out where it is part of another one (a child of an index, a referrer), or where somebody
 * asked for it to go and nobody has pulled it since.
 */
const LISTED = `(
  (SELECT true FROM tag WHERE tag.repository_id = own.repository_id AND tag.digest = own.digest LIMIT 1)
  OR (
    (removed_at IS NULL OR pulled_at > removed_at)
    AND (SELECT subject IS NULL FROM manifest m WHERE m.digest = own.digest)
    AND (SELECT true FROM manifest_child c JOIN repository_manifest above ON above.repository_id = own.repository_id
      AND above.digest = c.parent WHERE c.held = own.digest LIMIT 1) IS NULL
  )
)`;

const COLUMNS =
  'r.id AS repository_id, r.name AS repository, own.digest, own.upstream, committed_at, COALESCE(pulls, 0) AS pulls, pulled_at';

/** Every image there is, but for its order and its number: conditions can be added. */
const SHOWN = `FROM repository_manifest own JOIN repository r ON r.id = own.repository_id ${COUNTED}`;
const FROM = `${SHOWN} WHERE ${LISTED}`;
export const MATCHING = `SELECT 1 ${FROM}`;

/** By repository name, then digest: it has no other key. ($4 is named, for Postgres refuses a parameter that nothing uses.) */
export const byName = ({ repository, image }: Narrowed) => `
  SELECT '' AS key, rm.* FROM repository r
  CROSS JOIN LATERAL (
    SELECT r.id AS repository_id, r.name AS repository, own.digest, own.upstream, committed_at,
      COALESCE(pulls, 0) AS pulls, pulled_at
    FROM repository_manifest own ${COUNTED}
    WHERE own.repository_id = r.id AND own.digest > CASE WHEN r.name = $1 THEN $2 ELSE '' END AND ${LISTED}${image}
      AND $4 = $4
    ORDER BY own.digest LIMIT $3
  ) rm
  WHERE r.name >= $1${repository}
  ORDER BY r.name, rm.digest LIMIT $3`;

const MICROSECONDS = '(extract(epoch FROM committed_at) * 1000000)::bigint';
const BEFORE = `timestamptz 'epoch' + nullif($4, '')::bigint * interval '1 microsecond'`;
const REPOSITORY = '(SELECT id FROM repository WHERE name = $1)';

/** The newest first, by an index. */
export const byAge = ({ repository, image }: Narrowed) => `
  SELECT ${MICROSECONDS}::text AS key, ${COLUMNS} ${FROM}${repository}${image}
    AND ($4 = '' OR (committed_at <= ${BEFORE}
      AND (committed_at < ${BEFORE} OR (own.repository_id, own.digest) > (${REPOSITORY}, $2))))
  ORDER BY committed_at DESC, own.repository_id, own.digest LIMIT $3`;

/** Of its blobs that are here, each once: what the list shows. */
const MEASURED = `CROSS JOIN LATERAL (
  SELECT COALESCE(sum(each.size), 0)::bigint AS bytes FROM (
    SELECT DISTINCT ON (b.digest) b.size FROM (
      SELECT own.digest UNION
      SELECT c.held FROM manifest_child c JOIN repository_manifest shown
        ON shown.repository_id = own.repository_id AND shown.digest = c.held WHERE c.parent = own.digest
    ) AS member JOIN manifest_blob b ON b.manifest = member.digest
    JOIN repository_blob given ON given.repository_id = own.repository_id AND given.digest = b.digest
    JOIN blob ON blob.digest = b.digest JOIN object ON object.id = blob.object_id AND object.lost_at IS NULL
  ) AS each OFFSET 0
) AS measured`;

const KEYS: Readonly<Record<ImageSort, string>> = {
  name: '0::bigint',
  created: MICROSECONDS,
  pulled: `COALESCE((extract(epoch FROM pulled_at) * 1000000)::bigint, 0)`,
  size: 'measured.bytes',
};

/** By what is no key of an index, or of a size: all that match are measured. `count` parameters are given before the two sizes. */
export const measuredBy = (sort: ImageSort, { repository, image }: Narrowed, count: number) => `
  SELECT key::text, repository_id, repository, digest, upstream, committed_at, pulls, pulled_at FROM (
    SELECT ${KEYS[sort]} AS key, measured.bytes, ${COLUMNS}
    ${SHOWN} ${MEASURED} WHERE ${LISTED}${repository}${image}
  ) AS matching
  WHERE ($${count + 1}::bigint IS NULL OR bytes >= $${count + 1}) AND ($${count + 2}::bigint IS NULL OR bytes <= $${count + 2})
    AND ($4 = '' OR key < nullif($4, '')::bigint OR (key = nullif($4, '')::bigint AND (repository, digest) > ($1, $2)))
  ORDER BY matching.key DESC, repository, digest LIMIT $3`;

/** A page, with what is shown of each image. */
export const listOf = (page: string) => `
  WITH RECURSIVE page AS (SELECT row_number() OVER () AS position, chosen.* FROM (${page}) AS chosen), tree AS (
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
  SELECT p.key, p.repository, p.digest, m.media_type, p.committed_at, p.pulls, p.pulled_at, p.upstream,
    ARRAY(SELECT name FROM tag WHERE tag.repository_id = p.repository_id AND tag.digest = p.digest ORDER BY name) AS tags,
    COALESCE(s.size, 0)::bigint AS size, COALESCE(s.complete, m.kind = 'other') AS complete,
    ARRAY(SELECT COALESCE(t.platform, below.platform) FROM tree t JOIN manifest below ON below.digest = t.member
      WHERE t.repository_id = p.repository_id AND t.top = p.digest
        AND COALESCE(t.platform, below.platform) IS NOT NULL ORDER BY t.depth, t.member) AS platforms
  FROM page p CROSS JOIN LATERAL (SELECT media_type, kind FROM manifest WHERE digest = p.digest OFFSET 0) m
  LEFT JOIN sums s ON s.repository_id = p.repository_id AND s.top = p.digest
  ORDER BY p.position`;
