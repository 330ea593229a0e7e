import { Inject, Injectable } from '@nestjs/common';
import { BlobCondemned } from '#contracts/facts';
import type { Digest } from '#oci/digest';
import { Database, type Sql } from '../database/database';
import { lockBlobs } from '../database/locks';
import { noteEndedRights } from '../journal/note-journal';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { recordFacts } from '../outbox/outbox.store';
import { noteCollected } from '../run/note-run';

interface DueReview {
  readonly digest: Digest;
  readonly seq: number;
}

interface BlobState {
  readonly digest: Digest;
  readonly stored: boolean;
  readonly held: boolean;
  /** When a pin ends that alone keeps these bytes, or a right to them, as Postgres wrote it. */
  readonly until: string | null;
}

export interface BlobVerdicts {
  readonly reviewed: number;
  readonly condemned: number;
  readonly postponed: number;
}

/**
 * Whether bytes stay, and who may still have them, for many digests at once. A digest stays while a manifest holds it
 * or a pin covers it; a right ends when nothing in its repository lists the digest and no pin of that repository does.
 */
@Injectable()
export class BlobReviewStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async review(digests: readonly Digest[]): Promise<BlobVerdicts> {
    return this.database.transaction('metadata.review-blobs', async (sql) => {
      await lockBlobs(sql, digests, 'UPDATE');
      const reviews = await readDue(sql, digests);
      const due = reviews.map((review) => review.digest);
      const common = await readCommon(sql, due);
      await endRights(sql, due, common);
      const states = await readStates(sql, due, common);
      const condemned = states.filter((state) => state.stored && !state.held && state.until === null);
      const postponed = states.filter((state) => state.until !== null);
      const condemnedBytes = await this.condemn(
        sql,
        condemned.map((state) => state.digest),
      );
      await settleReviews(sql, reviews, states);
      const kept = countKept(states);
      await noteCollected(sql, { seen: states.length, kept, condemned: condemned.length, condemnedBytes });
      return { reviewed: states.length, condemned: condemned.length, postponed: postponed.length };
    });
  }

  /** The row goes, and Postgres refuses while a manifest holds it; the bytes wait for their grace. Answers how many. */
  private async condemn(sql: Sql, digests: readonly Digest[]): Promise<number> {
    if (digests.length === 0) return 0;
    const gone = await sql.query<{ digest: Digest; object: string; size: number }>(
      'DELETE FROM blob WHERE digest = ANY($1) RETURNING digest, object_id AS object, size',
      [digests],
    );
    await sql.query(
      `UPDATE object SET state = 'condemned', purge_after = now() + $2 * interval '1 millisecond' WHERE id = ANY($1)`,
      [gone.map((blob) => blob.object), this.config.ENTREPOT_GRACE_MS],
    );
    await recordFacts(
      sql,
      BlobCondemned,
      gone.map((data) => ({ aggregate: data.digest, data })),
    );
    return gone.reduce((sum, { size }) => sum + size, 0);
  }
}

/** Those that are not condemned: a pin waits, a manifest holds it, or it was gone before. */
function countKept(states: readonly BlobState[]): Record<string, number> {
  const kept: Record<string, number> = {};
  for (const { until, held, stored } of states) {
    const because = until !== null ? 'pin' : held ? 'manifest' : stored ? null : 'gone';
    if (because !== null) kept[because] = (kept[because] ?? 0) + 1;
  }
  return kept;
}

/** Before anything is decided: whoever takes a listing away queues it again, and then it was decided too early. */
async function readDue(sql: Sql, digests: readonly string[]): Promise<DueReview[]> {
  return sql.query<DueReview>(
    `SELECT digest, seq FROM review WHERE kind = 'blob' AND repository_id = 0 AND digest = ANY($1) AND due_at <= now()`,
    [digests],
  );
}

/** What more manifests list than this is looked for among those of the repository: it is hardly ever not found soon. */
const FEW = 20;

export const READ_COMMON = `
  SELECT digest FROM unnest($1::text[]) AS asked (digest)
  WHERE (SELECT count(*) FROM (SELECT FROM manifest_blob AS listed WHERE listed.digest = asked.digest
    LIMIT ${FEW + 1}) AS first) > ${FEW}`;

async function readCommon(sql: Sql, digests: readonly string[]): Promise<string[]> {
  const rows = await sql.query<{ digest: string }>(READ_COMMON, [digests]);
  return rows.map((row) => row.digest);
}

/**
 * Whether a manifest of a repository lists a digest. A layer may be in half of all manifests, and in thousands of
 * repositories: neither is walked through. $2: those of the digests that many list. (A LIMIT, or OFFSET 0, has the
 * planner ask one by one.)
 */
const LISTED_IN = (repository: string, digest: string) => `(CASE
  WHEN ${digest} <> ALL($2::text[]) THEN (
    SELECT true FROM manifest_blob AS listed CROSS JOIN LATERAL (SELECT FROM repository_manifest AS visible
      WHERE visible.repository_id = ${repository} AND visible.digest = listed.manifest OFFSET 0) AS shown
    WHERE listed.digest = ${digest} LIMIT 1)
  ELSE (
    SELECT true FROM repository_manifest AS visible CROSS JOIN LATERAL (SELECT FROM manifest_blob AS listed
      WHERE listed.manifest = visible.digest AND listed.digest = ${digest} OFFSET 0) AS found
    WHERE visible.repository_id = ${repository} LIMIT 1)
  END IS TRUE)`;

export const END_RIGHTS = `
  WITH ended AS (DELETE FROM repository_blob AS given WHERE digest = ANY($1)
    AND NOT ${LISTED_IN('given.repository_id', 'given.digest')}
    AND NOT EXISTS (SELECT FROM pin WHERE pin.kind = 'blob' AND pin.digest = given.digest
      AND pin.repository_id = given.repository_id) RETURNING *) ${noteEndedRights('ended')}`;

async function endRights(sql: Sql, digests: readonly string[], common: readonly string[]): Promise<void> {
  await sql.query(`DELETE FROM pin WHERE kind = 'blob' AND digest = ANY($1) AND until <= now()`, [digests]);
  await sql.query(END_RIGHTS, [digests, common]);
}

/** Expired pins are gone by now. A pin beside a listing ends unnoticed; one that stands alone is waited for. */
async function readStates(sql: Sql, digests: readonly string[], common: readonly string[]): Promise<BlobState[]> {
  return sql.query<BlobState>(
    `SELECT review.digest, blob.digest IS NOT NULL AS stored, held, (
          SELECT min(until) FROM pin WHERE pin.kind = 'blob' AND pin.digest = review.digest
            AND (NOT held OR NOT ${LISTED_IN('pin.repository_id', 'pin.digest')}))::text AS until
      FROM review LEFT JOIN blob ON blob.digest = review.digest,
        LATERAL (SELECT EXISTS (SELECT FROM manifest_blob WHERE manifest_blob.held = review.digest) AS held) AS holding
      WHERE review.kind = 'blob' AND review.repository_id = 0 AND review.digest = ANY($1)`,
    [digests, common],
  );
}

/** A review goes, or is postponed, only if it is as it was read: one that was queued again since stays. */
async function settleReviews(sql: Sql, reviews: readonly DueReview[], states: readonly BlobState[]): Promise<void> {
  const until = new Map(states.map((state) => [state.digest, state.until]));
  const read = [
    reviews.map(({ digest }) => digest),
    reviews.map(({ seq }) => seq),
    reviews.map(({ digest }) => until.get(digest) ?? null),
  ];
  const same = `review.kind = 'blob' AND review.repository_id = 0 AND review.digest = read.digest AND review.seq = read.seq`;
  const from = 'unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS read (digest, seq, until)';
  await sql.query(`DELETE FROM review USING ${from} WHERE ${same} AND read.until IS NULL`, read);
  await sql.query(`UPDATE review SET due_at = read.until FROM ${from} WHERE ${same} AND read.until IS NOT NULL`, read);
}
