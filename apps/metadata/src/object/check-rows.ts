import { Injectable } from '@nestjs/common';
import { Database, type Sql } from '../database/database';
import { OVERDUE } from './overdue';

/** Faults of one rule that are named; the rest are many of the same. */
const NAMED = 100;

const HELD_RIGHT = `EXISTS (SELECT FROM repository_manifest AS visible
  JOIN repository_blob AS given ON given.repository_id = visible.repository_id AND given.digest = listed.digest
  WHERE visible.digest = listed.manifest)`;

const TOGETHER = `EXISTS (SELECT FROM repository_manifest AS above
  JOIN repository_manifest AS below ON below.repository_id = above.repository_id
  WHERE above.digest = child.parent AND below.digest = child.digest)`;

const IS_NOT_SHOWN = (table: string) => `NOT EXISTS (SELECT FROM repository_manifest AS visible
  WHERE visible.repository_id = ${table}.repository_id AND visible.digest = ${table}.digest)`;

/** Each query answers the rows that break one rule, as lines that name them. */
export const RULES: readonly string[] = [
  `SELECT format('object %s is %s, and its extents cover %s of its %s bytes', id, state, coalesce(covered, 0), size)
    FROM object LEFT JOIN (SELECT object_id, sum(length) AS covered, max(start + length) AS reach
      FROM extent GROUP BY object_id) AS stored ON object_id = id
    WHERE state IN ('live', 'condemned') AND lost_at IS NULL
      AND (coalesce(covered, 0) <> size OR coalesce(reach, 0) <> size)`,
  `SELECT format('object %s is live, and no digest names it', id)
    FROM object WHERE state = 'live' AND NOT EXISTS (SELECT FROM blob WHERE object_id = id)`,
  `SELECT format('blob %s names object %s, which is %s of %s bytes', blob.digest, id, object.digest, object.size)
    FROM blob JOIN object ON object.id = object_id
    WHERE object.digest IS DISTINCT FROM blob.digest OR object.size IS DISTINCT FROM blob.size`,
  `SELECT format('object %s is uploading, and neither a session nor a composing makes it', id)
    FROM object WHERE state = 'uploading' AND NOT EXISTS (SELECT FROM upload_session WHERE object_id = object.id)
      AND NOT EXISTS (SELECT FROM composing WHERE target_id = object.id)`,
  `SELECT format('object %s is being made of object %s, and is %s', target_id, source_id, state)
    FROM composing JOIN object ON object.id = target_id WHERE state <> 'uploading'`,
  `SELECT format('upload session %s has an object that is %s', upload_session.id, state)
    FROM upload_session JOIN object ON object.id = object_id WHERE state <> 'uploading'`,
  `SELECT format('manifest %s does not hold %s, which is here and its repository may read', manifest, listed.digest)
    FROM manifest_blob AS listed JOIN blob ON blob.digest = listed.digest AND blob.size = listed.size
    WHERE held IS NULL AND ${HELD_RIGHT}`,
  `SELECT format('manifest %s holds %s as %s bytes, and it has %s', manifest, listed.digest, listed.size, blob.size)
    FROM manifest_blob AS listed JOIN blob ON blob.digest = held WHERE blob.size <> listed.size`,
  `SELECT format('manifest %s holds %s, which no repository that shows it may read', manifest, digest)
    FROM manifest_blob AS listed WHERE held IS NOT NULL AND NOT ${HELD_RIGHT}`,
  `SELECT format('manifest %s was pushed to %s without its blob %s', visible.digest, repository.name, listed.digest)
    FROM repository_manifest AS visible JOIN repository ON repository.id = visible.repository_id
    JOIN manifest_blob AS listed ON listed.manifest = visible.digest AND required
    WHERE visible.upstream IS NULL AND NOT EXISTS (
      SELECT FROM repository_blob AS given JOIN blob ON blob.digest = given.digest
      WHERE given.repository_id = visible.repository_id AND given.digest = listed.digest)`,
  `SELECT format('index %s %s manifest %s, and a repository that shows both is %s', parent,
      CASE WHEN held IS NULL THEN 'does not hold' ELSE 'holds' END, digest,
      CASE WHEN held IS NULL THEN 'here' ELSE 'not' END)
    FROM manifest_child AS child WHERE (held IS NOT NULL) <> ${TOGETHER}`,
  `SELECT format('manifest %s is shown by no repository', digest) FROM manifest
    WHERE NOT EXISTS (SELECT FROM repository_manifest AS visible WHERE visible.digest = manifest.digest)`,
  `SELECT format('manifest %s has other bytes than its digest says', digest) FROM manifest
    WHERE digest <> CASE WHEN digest LIKE 'sha512:%' THEN 'sha512:' || encode(sha512(bytes), 'hex')
      ELSE 'sha256:' || encode(sha256(bytes), 'hex') END`,
  `SELECT format('blob %s is held by nothing, and nobody will review it', digest) FROM blob
    WHERE NOT EXISTS (SELECT FROM manifest_blob WHERE held = blob.digest)
      AND NOT EXISTS (SELECT FROM review WHERE kind = 'blob' AND review.digest = blob.digest)`,
  `SELECT format('%s has a right to %s, which nothing there lists, and nobody will review it', repository.name, digest)
    FROM repository_blob AS given JOIN repository ON repository.id = repository_id
    WHERE NOT EXISTS (SELECT FROM manifest_blob AS listed JOIN repository_manifest AS visible
        ON visible.digest = listed.manifest AND visible.repository_id = given.repository_id
        WHERE listed.digest = given.digest)
      AND NOT EXISTS (SELECT FROM review WHERE kind = 'blob' AND review.digest = given.digest)`,
  `SELECT format('manifest %s of %s has no reason to stay, and nobody will review it', visible.digest, repository.name)
    FROM repository_manifest AS visible JOIN repository ON repository.id = visible.repository_id
    WHERE NOT EXISTS (SELECT FROM review WHERE kind = 'manifest' AND review.repository_id = visible.repository_id
        AND review.digest = visible.digest)
      AND NOT EXISTS (SELECT FROM tag
        WHERE tag.repository_id = visible.repository_id AND tag.digest = visible.digest)
      AND NOT EXISTS (SELECT FROM container
        WHERE container.repository_id = visible.repository_id AND container.digest = visible.digest)
      AND NOT EXISTS (SELECT FROM operation_manifest AS touched JOIN operation ON operation.id = operation_id
        WHERE touched.repository_id = visible.repository_id AND touched.digest = visible.digest AND ended_at IS NULL)
      AND NOT EXISTS (SELECT FROM manifest_child AS child JOIN repository_manifest AS above
        ON above.repository_id = visible.repository_id AND above.digest = child.parent
        WHERE child.digest = visible.digest)
      AND NOT EXISTS (SELECT FROM manifest JOIN repository_manifest AS above
        ON above.repository_id = visible.repository_id AND above.digest = manifest.subject
        WHERE manifest.digest = visible.digest AND NOT visible.detached)`,
  `SELECT format('operation %s has %s, and %s manifest %s', operation_id,
      CASE WHEN ended_at IS NULL THEN 'not ended' ELSE 'ended' END,
      CASE WHEN touched.ended THEN 'no longer keeps' ELSE 'still keeps' END, digest)
    FROM operation_manifest AS touched JOIN operation ON operation.id = operation_id
    WHERE touched.ended <> (ended_at IS NOT NULL)`,
  // What a foreign key holds is broken only behind Postgres' back: by a bad disk, or by hand.
  `SELECT format('tag %s of repository %s names manifest %s, which that does not show', name, repository_id, digest)
    FROM tag WHERE ${IS_NOT_SHOWN('tag')}`,
  `SELECT format('container %s uses manifest %s, which its repository does not show', id, digest)
    FROM container WHERE ${IS_NOT_SHOWN('container')}`,
  `SELECT format('trash %s keeps manifest %s, which its repository does not show', id, digest)
    FROM trash WHERE keeps IS NOT NULL AND ${IS_NOT_SHOWN('trash')}`,
  `SELECT format('manifest %s holds %s, which is no blob', manifest, held)
    FROM manifest_blob WHERE held IS NOT NULL AND NOT EXISTS (SELECT FROM blob WHERE blob.digest = held)`,
  `SELECT format('blob %s names object %s, which is %s', blob.digest, object_id, coalesce(object.state, 'not there'))
    FROM blob LEFT JOIN object ON object.id = object_id WHERE object.state IS DISTINCT FROM 'live'`,
  `SELECT format('index %s holds manifest %s, which is not there', parent, held)
    FROM manifest_child WHERE held IS NOT NULL AND NOT EXISTS (SELECT FROM manifest WHERE manifest.digest = held)`,
  `SELECT format('repository %s shows manifest %s, which is not there', repository_id, digest)
    FROM repository_manifest AS visible WHERE NOT EXISTS (SELECT FROM manifest WHERE manifest.digest = visible.digest)`,
  `SELECT format('repository %s has a right to %s, and is not there', repository_id, digest)
    FROM repository_blob AS given WHERE NOT EXISTS (SELECT FROM repository WHERE id = repository_id)`,
  `SELECT format('extents of object %s are here, and it is not', object_id)
    FROM extent WHERE NOT EXISTS (SELECT FROM object WHERE id = object_id) GROUP BY object_id`,
  `SELECT format('run %s saw %s, and its parts are %s', id, seen, parts)
    FROM gc_run CROSS JOIN LATERAL (SELECT removed + condemned + coalesce(sum(value::bigint), 0) AS parts
      FROM jsonb_each_text(kept)) AS summed
    WHERE state <> 'running' AND seen <> parts`,
];

/** Rules that only rows can break, read in one snapshot: what is under way is never taken for a fault. */
@Injectable()
export class RowsCheck {
  constructor(private readonly database: Database) {}

  /** Each fault in a line that names the row. */
  async check(): Promise<string[]> {
    return this.database.transaction('metadata.check-rows', async (sql) => {
      await sql.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      return linesOf(sql, RULES);
    });
  }

  /** What is overdue and does not move, each in a line. */
  async stuck(): Promise<string[]> {
    return this.database.snapshot((sql) => linesOf(sql, OVERDUE));
  }
}

async function linesOf(sql: Pick<Sql, 'query'>, rules: readonly string[]): Promise<string[]> {
  await sql.query(`SET LOCAL statement_timeout = '5min'`);
  const lines: string[] = [];
  for (const rule of rules) {
    const rows = await sql.query<{ format: string }>(`${rule} LIMIT ${NAMED}`);
    lines.push(...rows.map((row) => row.format));
  }
  return lines;
}
