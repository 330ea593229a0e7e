import { Injectable } from '@nestjs/common';
import type { RecordPulls } from '#contracts/calls/pulls';
import type { QuestionOf } from '#contracts/define-call';
import { Database, type Sql } from '../database/database';

type Pull = QuestionOf<typeof RecordPulls>['pulls'][number];

/*
 * What was pulled, how often and when last, in a table of its own: whoever collects reads it and never holds it
 * locked, and nobody who counts waits for a manifest's row.
 */

const ADD = `ON CONFLICT (repository_id, digest) DO UPDATE SET pulls = pull_count.pulls + EXCLUDED.pulls,
  pulled_at = greatest(pull_count.pulled_at, EXCLUDED.pulled_at)`;

/** In the order of the key, as everybody who counts several does. LATERAL: row by row, from the indexes. */
export const RECORD_PULLS = `
  INSERT INTO pull_count (repository_id, digest, pulls, pulled_at)
  SELECT repository.id, pulled.digest, sum(pulled.count), now() - min(pulled.ms_ago) * interval '1 millisecond'
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[]) AS pulled (repository, digest, count, ms_ago)
  CROSS JOIN LATERAL (SELECT id FROM repository WHERE name = pulled.repository OFFSET 0) AS repository
  CROSS JOIN LATERAL (SELECT FROM repository_manifest AS visible
    WHERE visible.repository_id = repository.id AND visible.digest = pulled.digest OFFSET 0) AS visible
  GROUP BY repository.id, pulled.digest ORDER BY repository.id, pulled.digest ${ADD}`;

/** Pulls as gateways counted them. */
@Injectable()
export class PullCountStore {
  constructor(private readonly database: Database) {}

  async record(pulls: readonly Pull[]): Promise<void> {
    if (pulls.length === 0) return;
    await this.database.transaction('metadata.record-pulls', (sql) =>
      sql.query(RECORD_PULLS, [
        pulls.map((pull) => pull.repository),
        pulls.map((pull) => pull.digest),
        pulls.map((pull) => pull.count),
        pulls.map((pull) => pull.lastMsAgo),
      ]),
    );
  }
}

/**
 * Whoever has an image pulled by message wants it as much as a client that gets it. Written at most once a minute, for
 * many may ask for one image at once, and none of them should wait for another's commit.
 */
export async function notePull(sql: Sql, repositoryId: number, digest: string): Promise<void> {
  await sql.query(
    `INSERT INTO pull_count (repository_id, digest, pulls, pulled_at)
      SELECT $1, $2, 0, now() WHERE NOT EXISTS (
        SELECT FROM pull_count AS noted JOIN repository_manifest AS visible USING (repository_id, digest)
        WHERE repository_id = $1 AND digest = $2
          AND noted.pulled_at > greatest(now() - interval '1 minute', visible.removed_at)) ${ADD}`,
    [repositoryId, digest],
  );
}

/** Of a manifest that has left its repository, in a transaction of its own: see above. */
export async function forgetPulls(database: Database, repositoryId: number, digest: string): Promise<void> {
  await database.transaction('metadata.forget-pulls', (sql) =>
    sql.query(
      `DELETE FROM pull_count WHERE repository_id = $1 AND digest = $2
        AND NOT EXISTS (SELECT FROM repository_manifest WHERE repository_id = $1 AND digest = $2)`,
      [repositoryId, digest],
    ),
  );
}
