import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { RemoveBody } from '#contracts/bodies/remove';
import { OperationAccepted } from '#contracts/facts';
import type { Operation, OperationError, OperationKind } from '#contracts/operation';
import type { Principal } from '#contracts/principal';
import { conflict, isRegistryError } from '#oci/registry-error';
import { traceHeader } from '#telemetry/doing';
import { Database, type Sql } from '../database/database';
import { storableError, storableJson } from '../database/storable-json';
import { RemovalStore } from '../image/removal.store';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { recordFact } from '../outbox/outbox.store';
import { checkRequest, checkRequestId } from './check-request';
import { endOperation, recordEnd } from './end-operation';
import { hashBody } from './hash-body';
import { ImmediateWork } from './immediate-work';
import { type OperationFilter, readOperationPage } from './operation-page';
import { readProgress } from './operation-progress';
import { type NamedImage, type OperationRow, toOperation } from './operation-rows';
import { withoutUsers } from './without-users';

export interface AskedOperation {
  readonly principal: Principal;
  readonly requestId: string;
  readonly kind: OperationKind;
  readonly body: Record<string, unknown>;
}

/** Operations as their senders see them. */
@Injectable()
export class OperationStore {
  constructor(
    private readonly database: Database,
    private readonly removals: RemovalStore,
    private readonly immediate: ImmediateWork,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /**
   * Takes a request in, once for a principal and an id: asked again it answers the same operation.
   * Throws INVALID for a wrong body, CONFLICT for the same id with another body, and what naming the images of a
   * remove throws.
   */
  async accept(asked: AskedOperation): Promise<{ operation: Operation; created: boolean }> {
    checkRequestId(asked.requestId);
    const { kind, body, hash } = checkRequest(asked.kind, asked.body);
    const taken = this.database.transaction('metadata.accept-operation', async (sql) => {
      // What a repeated remove names may be gone by now: its operation says what it named.
      const before = kind === 'remove' ? await findRequest(sql, asked) : undefined;
      if (before) return { row: sameRequest(before, hash), created: false };
      const named = kind === 'remove' ? await this.removals.find(sql, body as RemoveBody) : null;
      const inserted = await insert(sql, { ...asked, body }, hash, named);
      if (!inserted) return { row: sameRequest(await findRequest(sql, asked), hash), created: false };
      await recordFact(sql, OperationAccepted, inserted.id, about(inserted));
      return { row: await this.doAtOnce(sql, inserted), created: true };
    });
    const { row, created } = await taken.catch((error: unknown) => this.takenMeanwhile(asked, hash, error));
    return { operation: created ? toOperation(row) : await this.withProgress(row), created };
  }

  /**
   * Records a request that cannot be done as an operation that failed at once, so that whoever sent it sees why.
   * One whose id another request already has is recorded under an id made of both. Answers the operation's id.
   */
  async refuse(asked: AskedOperation, why: OperationError): Promise<string> {
    const error = storableError(why);
    const body = storableJson(withoutUsers(asked.body));
    const hash = hashBody(asked.kind, asked.body);
    const derived = `${asked.requestId}~${hash.toString('hex').slice(0, 16)}`;
    return this.database.transaction('metadata.refuse-operation', async (sql) => {
      const before = await findRequest(sql, asked);
      if (before?.body_hash.equals(hash)) return before.id;
      const requestId = before ? derived : asked.requestId;
      const inserted = await insert(sql, { ...asked, requestId, body }, hash, null, error);
      if (!inserted) return (await findRequest(sql, { ...asked, requestId }))!.id;
      await recordFact(sql, OperationAccepted, inserted.id, about(inserted));
      await recordEnd(sql, inserted, { state: 'failed', error });
      return inserted.id;
    });
  }

  async read(principal: Principal, id: string): Promise<Operation | null> {
    const [row] = await this.database.read<OperationRow>('SELECT * FROM operation WHERE id = $1 AND principal = $2', [
      id,
      principal,
    ]);
    return row ? this.withProgress(row) : null;
  }

  /** Newest first. */
  async list(filter: OperationFilter) {
    const { rows, next } = await readOperationPage(this.database, filter);
    const progress = await this.progressOf(rows);
    return { operations: rows.map((row) => toOperation(row, progress.get(row.id))), next };
  }

  /** Null where this principal has none of that id. Throws CONFLICT once it has ended. */
  async cancel(principal: Principal, id: string): Promise<Operation | null> {
    const row = await this.database.transaction('metadata.cancel-operation', async (sql) => {
      const [found] = await sql.query<OperationRow>(
        'SELECT * FROM operation WHERE id = $1 AND principal = $2 FOR UPDATE',
        [id, principal],
      );
      if (!found) return null;
      if (found.ended_at) throw conflict(`operation ${id} has ended: it is ${found.state}`, { state: found.state });
      if (found.state === 'accepted') {
        return endOperation(sql, found, { state: 'cancelled' }, this.config.ENTREPOT_REVIEW_DELAY_MS);
      }
      const [asked] = await sql.query<OperationRow>(
        `UPDATE operation SET cancel_asked_at = COALESCE(cancel_asked_at, clock_timestamp())
         WHERE id = $1 RETURNING *`,
        [id],
      );
      return asked!;
    });
    return row && this.withProgress(row);
  }

  /** What was there may be gone, or another, because the same request, asked twice at once, was done meanwhile. */
  private async takenMeanwhile(asked: AskedOperation, hash: Buffer, error: unknown) {
    if (!isRegistryError(error, 'NOT_FOUND', 'CONFLICT', 'PRECONDITION')) throw error;
    const row = await this.database.snapshot((sql) => findRequest(sql, asked));
    if (!row?.body_hash.equals(hash)) throw error;
    return { row, created: false };
  }

  /** Ends it where it needs nobody else. */
  private async doAtOnce(sql: Sql, operation: OperationRow): Promise<OperationRow> {
    const done = await this.immediate.run(sql, operation);
    if (done === null) return operation;
    const { named, outcome } = done;
    if (named) await sql.query('UPDATE operation SET named = $2 WHERE id = $1', [operation.id, JSON.stringify(named)]);
    return endOperation(sql, operation, { state: 'completed', outcome }, this.config.ENTREPOT_REVIEW_DELAY_MS);
  }

  private async withProgress(row: OperationRow): Promise<Operation> {
    return toOperation(row, (await this.progressOf([row])).get(row.id));
  }

  private progressOf(rows: readonly OperationRow[]) {
    const read = this.database.read.bind(this.database);
    return readProgress(
      read,
      rows.map(({ id }) => id),
    );
  }
}

async function findRequest(
  sql: Pick<Sql, 'query'>,
  { principal, requestId }: AskedOperation,
): Promise<OperationRow | undefined> {
  const [row] = await sql.query<OperationRow>('SELECT * FROM operation WHERE principal = $1 AND request_id = $2', [
    principal,
    requestId,
  ]);
  return row;
}

function sameRequest(row: OperationRow | undefined, hash: Buffer): OperationRow {
  if (row?.body_hash.equals(hash)) return row;
  throw conflict(
    `this id was used for another ${row?.kind ?? 'request'} (operation ${row?.id}): give each request an id of its own`,
    { operation: row?.id },
  );
}

/** Undefined where another transaction was first with this principal and id. */
async function insert(
  sql: Sql,
  { principal, requestId, kind, body }: AskedOperation,
  hash: Buffer,
  named: NamedImage | null,
  error: OperationError | null = null,
): Promise<OperationRow | undefined> {
  const [row] = await sql.query<OperationRow>(
    `INSERT INTO operation (id, principal, request_id, body_hash, kind, body, named, traceparent, state, error, ended_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $9, CASE WHEN $8::jsonb IS NULL THEN 'accepted' ELSE 'failed' END, $8,
       CASE WHEN $8::jsonb IS NULL THEN NULL ELSE clock_timestamp() END)
     ON CONFLICT (principal, request_id) DO NOTHING RETURNING *`,
    [
      uuidv7(),
      principal,
      requestId,
      hash,
      kind,
      JSON.stringify(body),
      named && JSON.stringify(named),
      error && JSON.stringify(error),
      traceHeader() ?? null,
    ],
  );
  return row;
}

function about({ id, kind, principal, request_id: request }: OperationRow) {
  return { operation: id, kind, principal, request };
}
