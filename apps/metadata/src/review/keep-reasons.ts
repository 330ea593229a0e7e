import type { Sql } from '../database/database';

type Reading = Pick<Sql, 'query'>;

/** A root of its own kind that keeps an image: what `why` names, and what a review finds. */
export const ROOTS = ['tag', 'container', 'operation', 'pin', 'trash', 'pull'] as const;
export type Root = (typeof ROOTS)[number];

export interface KeepReasons {
  /** A root whose end queues a review by itself; null where there is none. */
  readonly keptBy: Root | null;
  /** When the last of the roots that end by time will end, as Postgres wrote it; null where there is none. */
  readonly until: string | null;
  /** Which one that is. */
  readonly untilRoot: Root | null;
}

/**
 * What a manifest stays for in its repository: the indexes that list it, and the subject it refers to, unless somebody
 * removed it by itself.
 */
const LINKS_ABOVE = `LATERAL (
    SELECT parent AS digest, 'index' AS via FROM manifest_child AS child WHERE child.digest = above.digest
    UNION ALL
    SELECT subject, 'subject' FROM manifest JOIN repository_manifest AS own
      ON own.repository_id = $1 AND own.digest = manifest.digest AND NOT own.detached
      WHERE manifest.digest = above.digest AND subject IS NOT NULL) AS next
  JOIN repository_manifest AS visible ON visible.repository_id = $1 AND visible.digest = next.digest`;

const ABOVE = `RECURSIVE above (digest) AS (
  SELECT $2::text COLLATE "C" UNION SELECT next.digest FROM above, ${LINKS_ABOVE})`;

/**
 * A manifest and all that it stays for in a repository, and what that stays for. Each is visited once, since they may
 * keep each other in a circle; what counts is whether a root is reached.
 */
export async function readAbove(sql: Reading, repositoryId: number, digest: string): Promise<string[]> {
  const rows = await sql.query<{ digest: string }>(`WITH ${ABOVE} SELECT digest FROM above`, [repositoryId, digest]);
  return rows.map((row) => row.digest);
}

/** `below` stays for `above`: because that index lists it, or because that is its subject. */
export interface Link {
  readonly below: string;
  readonly above: string;
  readonly via: 'index' | 'subject';
}

/** The links among those that `readAbove` answers. */
export function readLinks(sql: Reading, repositoryId: number, digest: string): Promise<Link[]> {
  return sql.query<Link>(
    `WITH ${ABOVE} SELECT above.digest AS below, next.digest AS above, next.via FROM above, ${LINKS_ABOVE}`,
    [repositoryId, digest],
  );
}

/** The time that metadata was away since then does not count. */
export const WITH_ABSENCES = (since: string) => `coalesce((
  SELECT sum(ended_at - greatest(began_at, ${since})) FROM absence WHERE ended_at > ${since}), interval '0')`;

/** When the window of an entry of the trash ends in which it can be had back. */
export const undoEnds = (entry: string) => `${entry}.until + ${WITH_ABSENCES(`${entry}.removed_at`)}`;

/*
 * Each root: which of the manifests $2 of repository $1 it keeps, its name, and until when. $3: how long untagged or
 * cached content lives after it came or was last pulled, in milliseconds.
 */

/** Their end queues a review by itself. */
const STANDING: Partial<Record<Root, string>> = {
  tag: 'SELECT digest, name, NULL::timestamptz AS until FROM tag WHERE repository_id = $1 AND digest = ANY($2)',
  container: 'SELECT digest, name, NULL::timestamptz FROM container WHERE repository_id = $1 AND digest = ANY($2)',
  operation: `SELECT digest, operation_id::text, NULL::timestamptz FROM operation_manifest
    WHERE repository_id = $1 AND digest = ANY($2) AND NOT ended`,
};

/** They end by time. Content that somebody asked to go since lives by its last pull no more. */
const PASSING: Partial<Record<Root, string>> = {
  pin: `SELECT digest, NULL::text AS name, until FROM pin
    WHERE kind = 'manifest' AND repository_id = $1 AND digest = ANY($2)`,
  trash: `SELECT digest, id::text, ${undoEnds('trash')} FROM trash WHERE repository_id = $1 AND keeps = ANY($2)`,
  pull: `SELECT digest, NULL, used + $3 * interval '1 millisecond' + ${WITH_ABSENCES('used')}
    FROM repository_manifest LEFT JOIN pull_count USING (repository_id, digest),
      LATERAL (SELECT greatest(committed_at, pulled_at) AS used) AS last
    WHERE repository_id = $1 AND digest = ANY($2) AND used > coalesce(removed_at, '-infinity')`,
};

const allOf = (roots: Partial<Record<Root, string>>) =>
  Object.entries(roots)
    .map(([root, select]) => `SELECT '${root}' AS root, * FROM (${select}) AS ${root} (digest, name, until)`)
    .join(' UNION ALL ');

/** Why any of these manifests, which the caller has locked, stays in its repository. */
export async function readReasons(
  sql: Reading,
  repositoryId: number,
  digests: readonly string[],
  keepMs: number,
): Promise<KeepReasons> {
  const [row] = await sql.query<KeepReasons>(
    `SELECT (SELECT root FROM (${allOf(STANDING)}) AS standing LIMIT 1) AS "keptBy",
        last.root AS "untilRoot", last.until::text AS until
      FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT root, until FROM (${allOf(PASSING)}) AS passing WHERE until > now() ORDER BY until DESC LIMIT 1
      ) AS last ON true`,
    [repositoryId, digests, keepMs],
  );
  return row!;
}

export interface FoundRoot {
  readonly root: Root;
  /** The manifest that it keeps itself. */
  readonly digest: string;
  /** A tag's or a container's name, the id of an operation or of what was removed; null for a pin and a pull. */
  readonly name: string | null;
  /** When it ends, in whole milliseconds since 1970, none of them too early; null where something must be done for that. */
  readonly untilMs: number | null;
}

/** SQL for a time in whole milliseconds since 1970, rounded up: what is due then is due. */
export const inMs = (time: string) => `ceil(extract(epoch FROM ${time}) * 1000)::float8`;

/** The same roots one by one, at most `most`: those without an end first, then those that end last. */
export function readRoots(
  sql: Reading,
  repositoryId: number,
  digests: readonly string[],
  keepMs: number,
  most: number,
): Promise<FoundRoot[]> {
  return sql.query<FoundRoot>(
    `SELECT root, digest, name, ${inMs('until')} AS "untilMs" FROM (${allOf(STANDING)} UNION ALL ${allOf(PASSING)}) AS found
      WHERE until IS NULL OR until > now()
      ORDER BY until DESC NULLS FIRST, array_position($4::text[], root), name, digest LIMIT $5`,
    [repositoryId, digests, keepMs, ROOTS, most],
  );
}
