import type { Sql } from './database';

/*
 * The order of locks. Whoever needs several takes them in this order, those of one kind sorted, and then reads again:
 * what was read before the lock decides nothing.
 *
 *   1. operation            its row
 *   2. upload session       its row
 *      reporter             an advisory lock on its name, then its row
 *   3. tag                  an advisory lock on its name, since it may have no row yet
 *   4. manifest             advisory locks on a manifest that is shown or taken away and on its children, then rows of
 *                           `manifest`, then rows of `repository_manifest`, each sorted by digest
 *   5. blob                 rows of `blob` sorted by digest, then advisory locks on the digests that have none
 *   6. container            rows sorted by id
 *   7. fill, object, composing, pin, review, outbox, installation: written while the above are held
 *
 * Whoever relies on something takes FOR KEY SHARE, and so never waits for others who do; whoever takes it away
 * takes FOR UPDATE. What deadlocks all the same (statements that write several rows in no order) is run again.
 */

/** One key for one thing in one namespace; two things with one key only wait for each other. */
const KEY = `hashtextextended($1 || ':' || name, 0)`;

/**
 * Postgres has room for a few thousand locks in all. Whoever needs more than this many (a manifest may list ten
 * thousand blobs) takes the whole namespace in their place; everybody else shares it. Of tags each repository is one.
 */
const MANY = 256;

async function lockNames(
  sql: Sql,
  space: 'tag' | 'manifest' | 'blob',
  names: readonly string[],
  spaces: readonly string[] = [space],
): Promise<void> {
  if (names.length === 0) return;
  const whole = names.length > MANY;
  await sql.query(
    `SELECT pg_advisory_xact_lock${whole ? '' : '_shared'}(key) FROM
      (SELECT DISTINCT hashtextextended(name, 0) AS key FROM unnest($1::text[]) AS name ORDER BY key) AS sorted`,
    [spaces],
  );
  if (whole) return;
  await sql.query(
    `SELECT pg_advisory_xact_lock(key) FROM
      (SELECT DISTINCT ${KEY} AS key FROM unnest($2::text[]) AS name ORDER BY key) AS sorted`,
    [space, names],
  );
}

/** Locks tags of a repository, there or not, against everybody who would move or remove them. */
export async function lockTags(sql: Sql, repositoryId: number, tags: readonly string[]): Promise<void> {
  await lockTagsOfSeveral(
    sql,
    tags.map((tag) => `${repositoryId}:${tag}`),
  );
}

/** As `lockTags`, of several repositories: each named `<repository id>:<tag>`. */
export async function lockTagsOfSeveral(sql: Sql, tags: readonly string[]): Promise<void> {
  const spaces = tags.map((tag) => `tag:${tag.slice(0, tag.indexOf(':'))}`);
  await lockNames(sql, 'tag', tags, [...new Set(spaces)]);
}

/**
 * Locks a manifest and its children, here or not, against everybody who shows or takes away one of them: an index holds
 * a child where both are shown, and neither of two who bring one each would see the other's.
 */
export async function lockFamily(sql: Sql, digest: string, children: readonly string[]): Promise<void> {
  await lockNames(sql, 'manifest', [digest, ...children]);
}

/**
 * Locks digests as blobs: the rows of those that are usable (or lost) in this mode, an advisory lock for the others.
 * Afterwards no row of these appears or goes until the caller's transaction ends.
 */
export async function lockBlobs(
  sql: Sql,
  digests: readonly string[],
  mode: 'KEY SHARE' | 'UPDATE' = 'KEY SHARE',
): Promise<void> {
  const held = new Set(await lockBlobRows(sql, digests, mode));
  const absent = digests.filter((digest) => !held.has(digest));
  if (absent.length === 0) return;
  await lockNames(sql, 'blob', absent);
  await lockBlobRows(sql, absent, mode);
}

async function lockBlobRows(sql: Sql, digests: readonly string[], mode: 'KEY SHARE' | 'UPDATE'): Promise<string[]> {
  const rows = await sql.query<{ digest: string }>(
    `SELECT digest FROM blob WHERE digest = ANY($1) ORDER BY digest FOR ${mode}`,
    [digests],
  );
  return rows.map((row) => row.digest);
}

/** Locks those of these manifests that are here. Answers which. */
export async function lockManifests(
  sql: Sql,
  digests: readonly string[],
  mode: 'KEY SHARE' | 'UPDATE' = 'KEY SHARE',
): Promise<string[]> {
  const rows = await sql.query<{ digest: string }>(
    `SELECT digest FROM manifest WHERE digest = ANY($1) ORDER BY digest FOR ${mode}`,
    [digests],
  );
  return rows.map((row) => row.digest);
}

/** As `lockVisible`, for manifests of several repositories. */
export async function lockShown(
  sql: Sql,
  shown: readonly { readonly repository: string; readonly digest: string }[],
): Promise<void> {
  await sql.query(
    `SELECT 1 FROM unnest($1::text[], $2::text[]) AS shown (repository, digest)
      JOIN repository ON repository.name = shown.repository
      JOIN repository_manifest AS visible ON visible.repository_id = repository.id AND visible.digest = shown.digest
      ORDER BY visible.digest, visible.repository_id FOR KEY SHARE OF visible`,
    [shown.map((each) => each.repository), shown.map((each) => each.digest)],
  );
}

/** Locks those that are still there against everybody who relies on them or names them. */
export async function lockForRemoval(
  sql: Sql,
  images: readonly { readonly repositoryId: number; readonly digest: string }[],
): Promise<void> {
  await sql.query(
    `SELECT 1 FROM unnest($1::bigint[], $2::text[]) AS going (repository_id, digest)
      JOIN repository_manifest AS visible USING (repository_id, digest)
      ORDER BY visible.digest, visible.repository_id FOR UPDATE OF visible`,
    [images.map(({ repositoryId }) => repositoryId), images.map(({ digest }) => digest)],
  );
}

/** Locks those of these manifests that are visible in a repository, after `lockManifests`. Answers which. */
export async function lockVisible(
  sql: Sql,
  repositoryId: number,
  digests: readonly string[],
  mode: 'KEY SHARE' | 'UPDATE' = 'KEY SHARE',
): Promise<string[]> {
  const rows = await sql.query<{ digest: string }>(
    `SELECT digest FROM repository_manifest WHERE repository_id = $1 AND digest = ANY($2)
      ORDER BY digest FOR ${mode}`,
    [repositoryId, digests],
  );
  return rows.map((row) => row.digest);
}
