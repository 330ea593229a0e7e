import { Inject, Injectable } from '@nestjs/common';
import type { ClaimFills, FailFill, Fill } from '#contracts/calls/fills';
import type { QuestionOf } from '#contracts/define-call';
import { BlobFailed } from '#contracts/facts';
import type { OperationError } from '#contracts/operation';
import type { Digest } from '#oci/digest';
import { stale } from '#oci/registry-error';
import { Database, type Sql } from '../database/database';
import { msUntil } from '../database/ms-until';
import { replaceUnfit } from '../database/storable-json';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { backOffMs } from '../operation/back-off';
import { recordFact } from '../outbox/outbox.store';
import { beginUploads, discardUpload, newUploadId } from '../upload/begin-upload';

interface FillRow {
  readonly id: string;
  readonly upstream: string;
  readonly credential: string;
  readonly repository_id: number;
  readonly digest: Digest;
  readonly size: number;
  readonly state: 'wanted' | 'running' | 'done' | 'failed';
  readonly session_id: string | null;
  readonly epoch: number;
  readonly attempts: number;
}

type FillRoom = Pick<QuestionOf<typeof ClaimFills>, 'perUpstream' | 'perRepository'>;
type Failure = Omit<QuestionOf<typeof FailFill>, 'id' | 'epoch'>;

/** A failed fill is answered for a while instead of asked for again: as long as a few more attempts would have waited. */
const NEGATIVE_ATTEMPTS = 3;

const CLAIMABLE = `((state = 'wanted' AND due_at <= now()) OR (state = 'running' AND claimed_until < now() AND attempts < $4))`;

const SINCE = `CASE state WHEN 'running' THEN claimed_until ELSE due_at END`;

const CLAIM = `
  WITH sources AS (
      SELECT upstream, repository_id, bool_or(state = 'running') AS is_left, min(${SINCE}) AS since,
        $8::int - coalesce(max(held.fills), 0) AS room
      FROM fill LEFT JOIN (
        SELECT id AS repository_id, fills
        FROM repository JOIN unnest($9::text[], $10::int[]) AS named (name, fills) USING (name)) AS held
        USING (repository_id)
      WHERE ${CLAIMABLE} GROUP BY upstream, repository_id HAVING coalesce(max(held.fills), 0) < $8::int),
    upstreams AS (
      SELECT upstream, least($2::int, $5::int - coalesce(max(held.fills), 0)) AS room
      FROM sources LEFT JOIN unnest($6::text[], $7::int[]) AS held (upstream, fills) USING (upstream)
      GROUP BY upstream HAVING coalesce(max(held.fills), 0) < $5::int ORDER BY min(since) LIMIT $2::int),
    turns AS (
      SELECT id, since, row_number() OVER (PARTITION BY upstreams.upstream ORDER BY is_left DESC, since) AS turn
      FROM upstreams CROSS JOIN LATERAL (
        SELECT of_one.* FROM (
          SELECT repository_id, least(sources.room, upstreams.room) AS room
          FROM sources WHERE sources.upstream = upstreams.upstream
          ORDER BY is_left DESC, since LIMIT upstreams.room) AS source
        CROSS JOIN LATERAL (
          SELECT id, state = 'running' AS is_left, ${SINCE} AS since
          FROM fill WHERE upstream = upstreams.upstream AND repository_id = source.repository_id AND ${CLAIMABLE}
          ORDER BY is_left DESC, since LIMIT source.room FOR UPDATE SKIP LOCKED) AS of_one
        ORDER BY is_left DESC, since LIMIT upstreams.room) AS claimable)
  UPDATE fill SET state = 'running', worker = $1, epoch = epoch + 1, attempts = attempts + 1,
      claimed_until = now() + $3 * interval '1 millisecond'
    WHERE id = ANY(ARRAY(SELECT id FROM turns ORDER BY turn, since LIMIT $2::int)) RETURNING *`;

/** Downloads of blobs: rows that workers claim, each with a lease, an epoch and counted attempts. */
@Injectable()
export class FillStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  async claim(worker: string, limit: number, room: FillRoom = {}): Promise<Fill[]> {
    await this.giveUpExhausted();
    return this.database.transaction('metadata.claim-fills', async (sql) => {
      const rows = await this.claimRows(sql, worker, limit, room);
      await this.beginAgain(
        sql,
        rows.filter((row) => row.session_id === null),
      );
      return sql.query<Fill>(
        `SELECT fill.id, epoch, attempts, digest, size, session_id AS session, wanted_by AS operation, traceparent, repository.name AS repository,
            jsonb_build_object('upstream', fill.upstream, 'credential', credential) AS source
          FROM fill JOIN repository ON repository.id = repository_id WHERE fill.id = ANY($1) ORDER BY wanted_at`,
        [rows.map((row) => row.id)],
      );
    });
  }

  /** Milliseconds until a waiting fill or an expired lease is due that this worker has room for; null where there is none. */
  async nextInMs({ perUpstream, perRepository }: FillRoom = {}): Promise<number | null> {
    const upstreams = fullOf(perUpstream).map(({ upstream }) => upstream);
    const repositories = fullOf(perRepository).map(({ repository }) => repository);
    const hasRoom = `upstream <> ALL($1) AND repository_id <> ALL(ARRAY(SELECT id FROM repository WHERE name = ANY($2)))`;
    const [row] = await this.database.read<{ ms: number | null }>(
      `SELECT ${msUntil(`least(
        (SELECT min(due_at) FROM fill WHERE state = 'wanted' AND ${hasRoom}),
        (SELECT min(claimed_until) FROM fill WHERE state = 'running' AND ${hasRoom}))`)} AS ms`,
      [upstreams, repositories],
    );
    return row?.ms ?? null;
  }

  async renew(fills: readonly { id: string; epoch: number }[]): Promise<string[]> {
    const rows = await this.database.transaction('metadata.renew-fills', (sql) =>
      sql.query<{ id: string }>(
        `UPDATE fill SET claimed_until = now() + $3 * interval '1 millisecond'
          FROM unnest($1::uuid[], $2::int[]) AS mine (id, epoch)
          WHERE fill.id = mine.id AND fill.epoch = mine.epoch AND state = 'running' RETURNING fill.id`,
        [fills.map((fill) => fill.id), fills.map((fill) => fill.epoch), this.config.ENTREPOT_LEASE_MS],
      ),
    );
    return rows.map((row) => row.id);
  }

  /** Answers whether it failed for good. Throws STALE when the epoch has passed or the blob is here. */
  async fail(id: string, epoch: number, failure: Failure): Promise<boolean> {
    return this.database.transaction('metadata.fail-fill', async (sql) => {
      const row = await lockFill(sql, id);
      if (row === undefined || row.epoch !== epoch || row.state === 'done') throw stale('this fill is no longer yours');
      if (row.state !== 'running') return row.state === 'failed';
      const lasting = !failure.giveBack && (!failure.temporary || row.attempts >= this.config.ENTREPOT_ATTEMPTS);
      if (lasting) await this.end(sql, row, failure.error, failure.retryAfterMs);
      else await this.putBack(sql, row, failure);
      return lasting;
    });
  }

  /** By turns of the upstreams, so that none keeps another's waiting however many it has; within one, what was left behind first. */
  private claimRows(sql: Sql, worker: string, limit: number, room: FillRoom): Promise<FillRow[]> {
    const ofUpstreams = room.perUpstream?.held ?? [];
    const ofRepositories = room.perRepository?.held ?? [];
    return sql.query<FillRow>(CLAIM, [
      worker,
      limit,
      this.config.ENTREPOT_LEASE_MS,
      this.config.ENTREPOT_ATTEMPTS,
      room.perUpstream?.most ?? limit,
      ofUpstreams.map((each) => each.upstream),
      ofUpstreams.map((each) => each.fills),
      room.perRepository?.most ?? limit,
      ofRepositories.map((each) => each.repository),
      ofRepositories.map((each) => each.fills),
    ]);
  }

  /** A worker that died with the last attempt leaves a fill that nobody would claim: it fails. */
  private async giveUpExhausted(): Promise<void> {
    const rows = await this.database.read<{ id: string; epoch: number; attempts: number }>(
      `SELECT id, epoch, attempts FROM fill WHERE state = 'running' AND claimed_until < now() AND attempts >= $1
        LIMIT 64`,
      [this.config.ENTREPOT_ATTEMPTS],
    );
    for (const { id, epoch, attempts } of rows) {
      const message = `given up after ${attempts} attempts, of which the last never ended: ask for it again`;
      const failure = { error: { code: 'TIMEOUT', message }, temporary: false, discard: false, giveBack: false };
      await this.fail(id, epoch, failure).catch(() => undefined);
    }
  }

  private async putBack(sql: Sql, row: FillRow, failure: Failure): Promise<void> {
    const wait = Math.max(failure.retryAfterMs ?? 0, this.backOff(row.attempts));
    if (failure.discard && row.session_id !== null) await discardUpload(sql, row.session_id);
    if (failure.discard || row.session_id === null) await this.beginAgain(sql, [row]);
    await sql.query(
      `UPDATE fill SET state = 'wanted', worker = NULL, claimed_until = NULL, attempts = attempts - $3, error = $4,
        due_at = now() + $2 * interval '1 millisecond' WHERE id = $1`,
      [row.id, failure.giveBack ? 0 : wait, failure.giveBack ? 1 : 0, storable(failure.error)],
    );
  }

  private async end(sql: Sql, row: FillRow, error: OperationError, retryAfterMs = 0): Promise<void> {
    const wait = Math.max(retryAfterMs, this.backOff(row.attempts + NEGATIVE_ATTEMPTS));
    if (row.session_id !== null) await discardUpload(sql, row.session_id);
    await sql.query(
      `UPDATE fill SET state = 'failed', claimed_until = NULL, ended_at = now(), error = $3,
        due_at = now() + $2 * interval '1 millisecond' WHERE id = $1`,
      [row.id, wait, storable(error)],
    );
    const { digest, upstream } = row;
    await recordFact(sql, BlobFailed, digest, { digest, upstream, error: replaceUnfit(error) as OperationError });
  }

  private backOff(attempts: number): number {
    const { ENTREPOT_BACKOFF_MS: firstMs, ENTREPOT_BACKOFF_LONGEST_MS: longestMs } = this.config;
    return backOffMs(attempts, { firstMs, longestMs }, Math.random());
  }

  /** A new object for fills whose bytes were wrong, or whose session ran out. */
  private async beginAgain(sql: Sql, rows: readonly FillRow[]): Promise<void> {
    const begun = rows.map((row) => ({ fill: row.id, id: newUploadId(), ...upload(row) }));
    await beginUploads(sql, begun, this.config.ENTREPOT_SESSION_IDLE_MS);
    for (const { fill, id } of begun) await sql.query('UPDATE fill SET session_id = $2 WHERE id = $1', [fill, id]);
  }
}

/** Those of which a worker takes no more. */
function fullOf<Held extends { fills: number }>(room: { most: number; held: readonly Held[] } | undefined): Held[] {
  return room === undefined ? [] : room.held.filter(({ fills }) => fills >= room.most);
}

const upload = ({ repository_id, digest, size }: FillRow) => ({ repositoryId: repository_id, digest, size });

const storable = (error: OperationError) => JSON.stringify(replaceUnfit(error));

/** Its session before itself: the order in which an upload ends, too. */
async function lockFill(sql: Sql, id: string): Promise<FillRow | undefined> {
  await sql.query('SELECT 1 FROM upload_session WHERE id = (SELECT session_id FROM fill WHERE id = $1) FOR UPDATE', [
    id,
  ]);
  const [row] = await sql.query<FillRow>('SELECT * FROM fill WHERE id = $1 FOR UPDATE', [id]);
  return row;
}
