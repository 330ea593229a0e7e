import type { Sql } from '../database/database';
import { isListed, noneAtOnce } from '../image/is-listed';

/** Any constant: whoever counts takes this lock, for two who count at once only wait for the disk. */
const COUNTING = 4_211_700_002;

/** What counting may take of Postgres: no person waits for it, and every one of its statements is one snapshot. */
const LIMITS = `SET LOCAL statement_timeout = '15min'; SET LOCAL lock_timeout = 0; SET LOCAL work_mem = '64MB'`;

export interface Counting {
  /** Another who counts already is waited for; else this one gives way. */
  readonly waits: boolean;
  /** Told which server process counts, so that it can be called off. */
  readonly by: (pid: number) => void;
}

/** Counts all that the store holds, at one moment. False where it gave way. */
export async function countUsage(sql: Sql, { waits, by }: Counting): Promise<boolean> {
  const [server] = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  by(server!.pid);
  for (const limit of LIMITS.split('; ')) await sql.query(limit);
  const [lock] = await sql.query<{ taken: boolean }>(
    waits
      ? 'SELECT true AS taken FROM (SELECT pg_advisory_xact_lock($1)) AS locked'
      : 'SELECT pg_try_advisory_xact_lock($1) AS taken',
    [COUNTING],
  );
  if (!lock?.taken) return false;
  const began = performance.now();
  await sql.query(COUNT);
  await sql.query('UPDATE usage SET took_ms = $1', [Math.ceil(performance.now() - began)]);
  return true;
}

/** What stays below these roots in their repository: children of indexes that are held, and referrers. */
const BELOW = (roots: string) => `
    SELECT DISTINCT repository_id, digest FROM ${roots}
    UNION
    SELECT above.repository_id, next.digest FROM ${roots}_below AS above CROSS JOIN LATERAL (
      SELECT held AS digest FROM manifest_child WHERE parent = above.digest AND held IS NOT NULL
      UNION ALL
      SELECT digest FROM manifest WHERE subject = above.digest) AS next
    JOIN repository_manifest AS visible
      ON visible.repository_id = above.repository_id AND visible.digest = next.digest`;

const LISTED = `
  SELECT FROM repository_manifest AS own
  LEFT JOIN (SELECT DISTINCT repository_id, digest FROM tag) AS tagged USING (repository_id, digest)
  LEFT JOIN pull_count USING (repository_id, digest)
  WHERE ${isListed('tagged.digest IS NOT NULL', noneAtOnce)}`;

const SOME = (rows: string, bytes: string) =>
  `(SELECT jsonb_build_object('count', count(*), 'bytes', coalesce(sum(${bytes}), 0)) FROM ${rows})`;

/** What is not live yet, or no more, is as long as what was written of it. */
const PIECES = (state: string) =>
  SOME(
    `object LEFT JOIN LATERAL (SELECT sum(length) AS bytes FROM extent WHERE object_id = object.id) AS written ON true
      WHERE state = '${state}' AND lost_at IS NULL`,
    'written.bytes',
  );

/** One statement, and so one snapshot: its parts add up, whatever is pulled and removed meanwhile. */
const COUNT = `
  WITH RECURSIVE used AS (SELECT repository_id, digest FROM container),
  named AS (SELECT repository_id, digest FROM tag UNION ALL SELECT repository_id, digest FROM container),
  used_below (repository_id, digest) AS (${BELOW('used')}),
  named_below (repository_id, digest) AS (${BELOW('named')}),
  live AS MATERIALIZED (SELECT digest, size FROM object WHERE state = 'live' AND lost_at IS NULL),
  holding AS (
    SELECT held AS digest, count(*) AS manifests, bool_or(used.digest IS NOT NULL) AS used,
      bool_or(named.digest IS NOT NULL) AS named
    FROM manifest_blob
    LEFT JOIN (SELECT DISTINCT digest FROM used_below) AS used ON used.digest = manifest
    LEFT JOIN (SELECT DISTINCT digest FROM named_below) AS named ON named.digest = manifest
    WHERE held IS NOT NULL GROUP BY held
  ),
  blobs AS (
    SELECT count(*) FILTER (WHERE manifests IS NULL) AS unlisted,
      coalesce(sum(size) FILTER (WHERE manifests IS NULL), 0) AS unlisted_bytes,
      coalesce(sum(size) FILTER (WHERE manifests = 1), 0) AS unique_bytes,
      coalesce(sum(size) FILTER (WHERE manifests > 1), 0) AS shared_bytes,
      coalesce(sum(size) FILTER (WHERE NOT used), 0) AS reclaimable_bytes,
      coalesce(sum(size) FILTER (WHERE NOT named), 0) AS dangling_bytes
    FROM live LEFT JOIN holding USING (digest)
  ),
  shared AS (SELECT digest FROM repository_blob GROUP BY digest HAVING count(*) > 1),
  given AS (
    SELECT repository_id, count(*) AS blobs, sum(size) AS bytes, sum(size) FILTER (WHERE shared.digest IS NULL) AS unique_bytes
    FROM repository_blob JOIN live USING (digest) LEFT JOIN shared USING (digest) GROUP BY repository_id
  ),
  shown AS (SELECT repository_id, count(*) AS manifests FROM repository_manifest GROUP BY repository_id),
  tags AS (SELECT repository_id, count(*) AS tags FROM tag GROUP BY repository_id),
  pulls AS (
    SELECT repository_id, sum(pulls) AS pulls, max(pulled_at) AS pulled_at FROM pull_count GROUP BY repository_id
  ),
  by_repository AS (
    INSERT INTO repository_usage AS before
    SELECT id, coalesce(manifests, 0), coalesce(tags, 0), coalesce(blobs, 0), coalesce(bytes, 0),
      coalesce(unique_bytes, 0), coalesce(pulls, 0), pulled_at
    FROM repository LEFT JOIN given ON given.repository_id = id LEFT JOIN shown ON shown.repository_id = id
    LEFT JOIN tags ON tags.repository_id = id LEFT JOIN pulls ON pulls.repository_id = id
    ON CONFLICT (repository_id) DO UPDATE SET manifests = EXCLUDED.manifests, tags = EXCLUDED.tags,
      blobs = EXCLUDED.blobs, bytes = EXCLUDED.bytes, unique_bytes = EXCLUDED.unique_bytes, pulls = EXCLUDED.pulls,
      pulled_at = EXCLUDED.pulled_at
    WHERE before IS DISTINCT FROM EXCLUDED
  )
  INSERT INTO usage (as_of, took_ms, counted)
  SELECT statement_timestamp(), 0, jsonb_build_object(
    'images', jsonb_build_object(
      'count', (SELECT count(*) FROM (${LISTED}) AS listed),
      'active', (SELECT count(*) FROM (SELECT DISTINCT repository_id, digest FROM container) AS active),
      'bytes', unique_bytes + shared_bytes, 'uniqueBytes', unique_bytes, 'sharedBytes', shared_bytes,
      'reclaimableBytes', reclaimable_bytes, 'danglingBytes', dangling_bytes),
    'containers', (SELECT jsonb_build_object('count', count(*), 'bytes', 0,
      'active', count(*) FILTER (WHERE state IN ('running', 'paused'))) FROM container),
    'unlisted', jsonb_build_object('count', unlisted, 'bytes', unlisted_bytes),
    'uploads', ${PIECES('uploading')},
    'condemned', ${SOME(`object WHERE state = 'condemned' AND lost_at IS NULL`, 'size')},
    'purging', ${PIECES('purging')},
    'lost', ${SOME(`object WHERE state = 'live' AND lost_at IS NOT NULL`, 'size')})
  FROM blobs
  ON CONFLICT (one) DO UPDATE SET as_of = EXCLUDED.as_of, counted = EXCLUDED.counted`;
