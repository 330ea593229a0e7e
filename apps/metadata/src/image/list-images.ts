import type { ImageSort } from '#contracts/calls/images';
import { MOST_LOOKED_INTO } from '../names/name-pattern';
import { isListed, noneByRow } from './is-listed';
import type { Narrowed } from './narrow-images';

/*
 * Lists of images. Parameters: $1 and $2 are the repository and the digest where the page before ended, $3 is how many
 * are read, $4 the key by which the page before ended; $5, $6 and $7 the repository, the digest and the key of the last
 * image that this page looks at, where it does not look at all. What stands in LATERAL is asked row by row, from an
 * index: the planner must not read whole tables for one page (OFFSET 0 says so to it).
 */

const COUNTED = `LEFT JOIN LATERAL (SELECT pulls, pulled_at FROM pull_count counted
  WHERE counted.repository_id = own.repository_id AND counted.digest = own.digest OFFSET 0) counted ON true`;

const LISTED = isListed(
  '(SELECT true FROM tag WHERE tag.repository_id = own.repository_id AND tag.digest = own.digest LIMIT 1)',
  noneByRow,
);

const COLUMNS =
  'r.id AS repository_id, r.name AS repository, own.digest, own.upstream, committed_at, COALESCE(pulls, 0) AS pulls, pulled_at';

/** Every image there is, but for its order and its number: conditions can be added. */
const SHOWN = `FROM repository_manifest own JOIN repository r ON r.id = own.repository_id ${COUNTED}`;
const FROM = `${SHOWN} WHERE ${LISTED}`;
export const MATCHING = `SELECT 1 ${FROM}`;

/** By repository name, then digest: it has no other key. (What is named twice is named for Postgres, which refuses a parameter that nothing uses.) */
export const byName = ({ repository, image }: Narrowed) => `
  SELECT '' AS key, rm.* FROM repository r
  CROSS JOIN LATERAL (
    SELECT r.id AS repository_id, r.name AS repository, own.digest, own.upstream, committed_at,
      COALESCE(pulls, 0) AS pulls, pulled_at
    FROM repository_manifest own ${COUNTED}
    WHERE own.repository_id = r.id AND own.digest > CASE WHEN r.name = $1 THEN $2 ELSE '' END
      AND own.digest <= CASE WHEN r.name = $5 THEN $6 ELSE '~' END AND ${LISTED}${image}
      AND $4 = $4 AND $7 = $7
    ORDER BY own.digest LIMIT $3
  ) rm
  WHERE r.name >= $1 AND r.name <= $5${repository}
  ORDER BY r.name, rm.digest LIMIT $3`;

/** The last image that a page looks at; no row where it looks at all. $1 and $2: where the page before ended. */
export const edgeByName = ({ repository }: Narrowed) => `
  SELECT '' AS key, r.name AS repository, own.digest FROM repository r
  CROSS JOIN LATERAL (SELECT digest FROM repository_manifest WHERE repository_id = r.id
    AND digest > CASE WHEN r.name = $1 THEN $2 ELSE '' END ORDER BY digest LIMIT ${MOST_LOOKED_INTO}) own
  WHERE r.name >= $1${repository} AND $3 = $3
  ORDER BY r.name, own.digest OFFSET ${MOST_LOOKED_INTO - 1} LIMIT 1`;

const MICROSECONDS = '(extract(epoch FROM committed_at) * 1000000)::bigint';
const momentOf = (key: string) => `timestamptz 'epoch' + nullif(${key}, '')::bigint * interval '1 microsecond'`;
const idOf = (name: string) => `(SELECT id FROM repository WHERE name = ${name})`;
const behind = (key: string) => `($4 = '' OR (committed_at <= ${momentOf('$4')}
      AND (committed_at < ${momentOf('$4')} OR (own.repository_id, own.digest) > (${idOf('$1')}, $2))))${key}`;
const UP_TO_EDGE = `
    AND committed_at >= coalesce(${momentOf('$7')}, '-infinity')
    AND ($7 = '' OR committed_at > ${momentOf('$7')} OR (own.repository_id, own.digest) <= (${idOf('$5')}, $6))`;
const NEWEST_FIRST = 'ORDER BY committed_at DESC, own.repository_id, own.digest';

/** The newest first, by an index. */
export const byAge = ({ repository, image }: Narrowed) => `
  SELECT ${MICROSECONDS}::text AS key, ${COLUMNS} ${FROM}${repository}${image}
    AND ${behind(UP_TO_EDGE)}
  ${NEWEST_FIRST} LIMIT $3`;

/** As `edgeByName`. $3: the key by which the page before ended. */
export const edgeByAge = ({ within }: Narrowed) => `
  SELECT key, r.name AS repository, digest FROM (
    SELECT ${MICROSECONDS}::text AS key, own.repository_id, own.digest FROM repository_manifest own
    WHERE ${behind('').replaceAll('$4', '$3')}${within}
    ${NEWEST_FIRST} OFFSET ${MOST_LOOKED_INTO - 1} LIMIT 1
  ) AS edge JOIN repository r ON r.id = repository_id`;

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

/** Bytes that were found missing, of a digest that is not stored anew: hardly ever any, and an index has them alone. */
const IS_LOST = `object.lost_at IS NOT NULL AND object.state = 'live'`;

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
      (SELECT true FROM repository_blob given WHERE given.repository_id = t.repository_id AND given.digest = b.digest)
        AND CASE WHEN b.held IS NULL THEN (SELECT true FROM blob WHERE blob.digest = b.digest) ELSE true END
        AND (SELECT true FROM object WHERE object.digest = b.digest AND ${IS_LOST}) IS NULL AS here
    FROM tree t
    CROSS JOIN LATERAL (SELECT digest, size, required, held FROM manifest_blob WHERE manifest = t.member OFFSET 0) b
  ), sums AS (
    SELECT repository_id, top, sum(size) FILTER (WHERE here) AS size, bool_and(here IS TRUE OR NOT required) AS complete
    FROM listed GROUP BY repository_id, top
  ), platforms AS (
    SELECT t.repository_id, t.top, array_agg(COALESCE(t.platform, m.platform) ORDER BY t.depth, t.member) AS platforms
    FROM tree t CROSS JOIN LATERAL (SELECT platform FROM manifest WHERE digest = t.member OFFSET 0) m
    WHERE COALESCE(t.platform, m.platform) IS NOT NULL GROUP BY t.repository_id, t.top
  )
  SELECT p.key, p.repository, p.digest, m.media_type, p.committed_at, p.pulls, p.pulled_at, p.upstream,
    ARRAY(SELECT name FROM tag WHERE tag.repository_id = p.repository_id AND tag.digest = p.digest ORDER BY name) AS tags,
    COALESCE(s.size, 0)::bigint AS size, COALESCE(s.complete, m.kind = 'other') AS complete,
    COALESCE(f.platforms, '{}') AS platforms
  FROM page p CROSS JOIN LATERAL (SELECT media_type, kind FROM manifest WHERE digest = p.digest OFFSET 0) m
  LEFT JOIN sums s ON s.repository_id = p.repository_id AND s.top = p.digest
  LEFT JOIN platforms f ON f.repository_id = p.repository_id AND f.top = p.digest
  ORDER BY p.position`;
