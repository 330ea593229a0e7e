import { Inject, Injectable } from '@nestjs/common';
import type { OperationError, OperationKind } from '#contracts/operation';
import type { Principal } from '#contracts/principal';
import { conflict, stale } from '#oci/registry-error';
import { Database, type Sql } from '../database/database';
import { msUntil } from '../database/ms-until';
import { storableError } from '../database/storable-json';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { backOffMs } from './back-off';
import { endOperation, type OperationEnd } from './end-operation';
import type { NamedImage, OperationRow } from './operation-rows';

/** A worker's claim: what it does counts only while the epoch is still its own. */
export interface OperationClaim {
  readonly id: string;
  readonly epoch: number;
}

export interface ClaimedOperation extends OperationClaim {
  readonly attempts: number;
  readonly principal: Principal;
  readonly kind: OperationKind;
  readonly body: Record<string, unknown>;
  readonly traceparent: string | null;
}

export interface OperationFailure {
  readonly error: OperationError;
  readonly temporary: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly giveBack: boolean;
}

/** Operations as their workers see them. */
@Injectable()
export class OperationWorkStore {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Due ones and those whose worker was lost; one that lost its worker at its last attempt fails here. */
  async claim(worker: string, kinds: readonly OperationKind[], limit: number) {
    const operations = await this.database.transaction('metadata.claim-operations', async (sql) => {
      await this.endLapsed(sql, kinds);
      return sql.query<ClaimedOperation>(CLAIM, [worker, kinds, limit, this.config.ENTREPOT_LEASE_MS]);
    });
    return { operations, nextInMs: await this.nextInMs(kinds) };
  }

  async renew(claims: readonly OperationClaim[]) {
    const held = await this.database.transaction('metadata.renew-operations', (sql) =>
      sql.query<OperationClaim & { cancelled: boolean }>(RENEW, [
        claims.map(({ id }) => id),
        claims.map(({ epoch }) => epoch),
        this.config.ENTREPOT_LEASE_MS,
      ]),
    );
    return {
      renewed: held.filter(({ cancelled }) => !cancelled).map(({ id }) => id),
      cancelled: held.filter(({ cancelled }) => cancelled).map(({ id }) => id),
      lost: claims
        .filter(({ id, epoch }) => !held.some((one) => one.id === id && one.epoch === epoch))
        .map(({ id }) => id),
    };
  }

  /** Throws STALE. */
  async resolve(claim: OperationClaim, named: NamedImage): Promise<void> {
    await this.database.transaction('metadata.resolve-operation', async (sql) => {
      await lockClaimed(sql, claim);
      await sql.query('UPDATE operation SET named = $2 WHERE id = $1', [claim.id, JSON.stringify(named)]);
    });
  }

  /** Answers whether the operation has ended; else it is tried again. Throws STALE. */
  async fail(claim: OperationClaim, failure: OperationFailure, random = Math.random()): Promise<boolean> {
    const error = storableError(failure.error);
    return this.database.transaction('metadata.fail-operation', async (sql) => {
      const operation = await lockClaimed(sql, claim);
      if (operation.cancel_asked_at) return this.end(sql, operation, { state: 'cancelled' });
      const attempts = operation.attempts - (failure.giveBack ? 1 : 0);
      if (!failure.temporary || attempts >= this.config.ENTREPOT_ATTEMPTS) {
        return this.end(sql, operation, { state: 'failed', error });
      }
      await sql.query(
        `UPDATE operation SET state = 'accepted', worker = NULL, claimed_until = NULL, attempts = $2, error = $3,
           due_at = clock_timestamp() + $4 * interval '1 millisecond'
         WHERE id = $1`,
        [operation.id, attempts, JSON.stringify(error), this.waitMs(attempts, failure, random)],
      );
      return false;
    });
  }

  /** Throws STALE, and CONFLICT where nobody called it off. */
  async endCancelled(claim: OperationClaim): Promise<void> {
    await this.database.transaction('metadata.end-cancelled', async (sql) => {
      const operation = await lockClaimed(sql, claim);
      if (!operation.cancel_asked_at) throw conflict(`nobody called operation ${claim.id} off`);
      await this.end(sql, operation, { state: 'cancelled' });
    });
  }

  private async end(sql: Sql, operation: OperationRow, end: OperationEnd): Promise<true> {
    await endOperation(sql, operation, end, this.config.ENTREPOT_REVIEW_DELAY_MS);
    return true;
  }

  private waitMs(attempts: number, { retryAfterMs, giveBack }: OperationFailure, random: number): number {
    if (giveBack) return retryAfterMs ?? 0;
    const { ENTREPOT_BACKOFF_MS: firstMs, ENTREPOT_BACKOFF_LONGEST_MS: longestMs } = this.config;
    return Math.max(retryAfterMs ?? 0, backOffMs(attempts, { firstMs, longestMs }, random));
  }

  private async endLapsed(sql: Sql, kinds: readonly OperationKind[]): Promise<void> {
    const lapsed = await sql.query<OperationRow>(LAPSED, [kinds, this.config.ENTREPOT_ATTEMPTS]);
    for (const operation of lapsed) {
      const error = { code: 'UNAVAILABLE', message: `its worker was lost ${operation.attempts} times: ask again` };
      await this.end(sql, operation, operation.cancel_asked_at ? { state: 'cancelled' } : { state: 'failed', error });
    }
  }

  private async nextInMs(kinds: readonly OperationKind[]): Promise<number | null> {
    const [next] = await this.database.read<{ ms: number | null }>(NEXT, [kinds]);
    return next?.ms ?? null;
  }
}

/**
 * The operation's row, locked, for ending it well. Null where this very claim has ended it already: a command whose
 * answer was lost is sent again. Throws STALE.
 */
export async function lockForEnd(sql: Sql, claim: OperationClaim): Promise<OperationRow | null> {
  const row = await lockAttempt(sql, claim);
  return row?.state === 'completed' ? null : claimed(row, claim);
}

/** The operation's row, locked, if this claim still holds it. Throws STALE. */
export async function lockClaimed(sql: Sql, claim: OperationClaim): Promise<OperationRow> {
  return claimed(await lockAttempt(sql, claim), claim);
}

/** Undefined where this attempt was not the last one. */
async function lockAttempt(sql: Sql, { id, epoch }: OperationClaim): Promise<OperationRow | undefined> {
  const [row] = await sql.query<OperationRow>('SELECT * FROM operation WHERE id = $1 AND epoch = $2 FOR UPDATE', [
    id,
    epoch,
  ]);
  return row;
}

function claimed(row: OperationRow | undefined, { id }: OperationClaim): OperationRow {
  if (row?.state !== 'running') throw stale(`operation ${id} is no longer this worker's`);
  return row;
}

/** Each attempt is counted before it starts: a worker that is killed has had its turn. */
const CLAIM = `
  WITH waiting AS (
    SELECT id FROM operation WHERE state = 'accepted' AND kind = ANY($2) AND due_at <= clock_timestamp()
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
  ), lost AS (
    SELECT id FROM operation WHERE state = 'running' AND kind = ANY($2) AND claimed_until < clock_timestamp()
    ORDER BY claimed_until LIMIT $3 FOR UPDATE SKIP LOCKED
  ), chosen AS (SELECT id FROM lost UNION ALL SELECT id FROM waiting LIMIT $3)
  UPDATE operation o SET state = 'running', worker = $1, epoch = epoch + 1, attempts = attempts + 1,
    claimed_until = clock_timestamp() + $4 * interval '1 millisecond',
    started_at = COALESCE(started_at, clock_timestamp())
  FROM chosen WHERE o.id = chosen.id
  RETURNING o.id, o.epoch, o.attempts, o.principal, o.kind, o.body, o.traceparent`;

const RENEW = `
  UPDATE operation o SET claimed_until = clock_timestamp() + $3 * interval '1 millisecond'
  FROM unnest($1::uuid[], $2::integer[]) AS claim (id, epoch)
  WHERE o.id = claim.id AND o.epoch = claim.epoch AND o.state = 'running'
  RETURNING o.id, o.epoch, o.cancel_asked_at IS NOT NULL AS cancelled`;

const LAPSED = `
  SELECT * FROM operation WHERE state = 'running' AND kind = ANY($1) AND claimed_until < clock_timestamp()
    AND (attempts >= $2 OR cancel_asked_at IS NOT NULL)
  ORDER BY claimed_until LIMIT 64 FOR UPDATE SKIP LOCKED`;

const NEXT = `
  SELECT ${msUntil(`least(
    (SELECT min(due_at) FROM operation WHERE state = 'accepted' AND kind = ANY($1)),
    (SELECT min(claimed_until) FROM operation WHERE state = 'running' AND kind = ANY($1)))`)} AS ms`;
