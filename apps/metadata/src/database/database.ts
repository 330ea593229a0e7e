import type { Socket } from 'node:net';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { type ClientBase, type Pool, types } from 'pg';
import { DataSource, type QueryRunner } from 'typeorm';
import { durable } from '#config/failpoint';
import { StartFault } from '#config/start-fault';
import { inSpan } from '#telemetry/tracing';
import { databaseRetries } from '../metadata-metrics';
import { databaseFault, isAway, isRetryable } from './database-fault';
import { type Migrated, migrate } from './migrate';

/** One transaction, as a store sees it. */
export interface Sql {
  query<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>;
  /** The outbox partitions that this transaction wrote facts into: their relay is woken once it has committed. */
  readonly facts: Set<number>;
}

export interface DatabaseOptions {
  readonly url: string;
  readonly poolSize: number;
  /** How long `open` waits for Postgres, in milliseconds. */
  readonly waitMs: number;
}

type FactsListener = (partitions: ReadonlySet<number>) => void;

const TRIES = 5;
const POSTGRES = { role: 'client', attributes: { 'db.system.name': 'postgresql' } } as const;
const INT8 = types.builtins.INT8;

/** Sizes and ids are below 2^53, and read as numbers; a fact's revision alone may be more, and is read as text. */
export const NUMBERS = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/**
 * Postgres, the one truth. No statement waits longer than its asker would; a process that stalls inside a
 * transaction loses it, and its locks, after ten seconds.
 */
export const LIMITS = {
  statement_timeout: 30_000,
  lock_timeout: 8_000,
  idle_in_transaction_session_timeout: 10_000,
  keepAlive: true,
};

/**
 * Longer than any statement. A line that drops what is sent would keep a connection, and a place in the pool, for a
 * quarter of an hour; those that rest are closed sooner anyway.
 */
const SILENT_MS = LIMITS.statement_timeout + 5_000;

/** Said once for each connection, not once for each transaction. */
const ISOLATION = '-c default_transaction_isolation=read\\ committed';

@Injectable()
export class Database implements OnApplicationShutdown {
  private readonly listeners = new Set<FactsListener>();

  private constructor(
    private readonly source: DataSource,
    readonly url: string,
    /** What opening it changed of the schema that was there. */
    readonly migrated: Migrated | null,
  ) {}

  /** Waits for Postgres, migrates, connects. Throws StartFault. */
  static async open(options: DatabaseOptions): Promise<Database> {
    const migrated = await waitFor(() => migrate(options.url), options.waitMs);
    if (migrated) new Logger('Database').log(`migrated from schema ${migrated.from} to ${migrated.to}`);
    const source: DataSource = new DataSource({
      type: 'postgres',
      url: options.url,
      poolSize: options.poolSize,
      connectTimeoutMS: 5000,
      applicationName: 'entrepot metadata',
      extra: { types: NUMBERS, ...LIMITS, options: ISOLATION, onConnect: prepare },
      poolErrorHandler: (error: Error) => {
        if (source.isInitialized) new Logger('Database').warn(`a connection was lost: ${error.message}`);
      },
    });
    await waitFor(() => source.initialize(), options.waitMs);
    return new Database(source, options.url, migrated);
  }

  /** One read of what is committed. Throws UNAVAILABLE where Postgres is away. */
  async read<Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> {
    return this.again('read', async () => {
      const runner = this.source.createQueryRunner();
      try {
        return (await runner.query(text, [...params], true)).records as Row[];
      } finally {
        await runner.release();
      }
    });
  }

  /** Several reads of one moment. Changes nothing: Postgres refuses it. */
  async snapshot<T>(run: (sql: Pick<Sql, 'query'>) => Promise<T>): Promise<T> {
    return this.again('snapshot', async () => {
      const runner = this.source.createQueryRunner();
      try {
        await runner.startTransaction('REPEATABLE READ');
        await runner.query('SET TRANSACTION READ ONLY');
        return await run(sqlOf(runner));
      } finally {
        if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
        await runner.release();
      }
    });
  }

  /**
   * READ COMMITTED. `run` may be run again after a deadlock, so it must do nothing but ask Postgres.
   * A connection that is lost during the commit is UNAVAILABLE: whether it committed is unknown.
   */
  async transaction<T>(step: string, run: (sql: Sql) => Promise<T>): Promise<T> {
    return this.again(step, async () => {
      const runner = this.source.createQueryRunner();
      const sql = sqlOf(runner);
      try {
        await runner.startTransaction();
        const result = await run(sql);
        await durable(step, () => commit(runner));
        this.wake(sql.facts);
        return result;
      } catch (error) {
        if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
        throw error;
      } finally {
        await runner.release();
      }
    });
  }

  /** Told after a commit which outbox partitions it wrote into. Answers how to stop listening. */
  onFacts(listener: FactsListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** How many connections of this process are in use and free, and how many questions wait for one. */
  connections(): { busy: number; idle: number; waiting: number } {
    const { totalCount, idleCount, waitingCount } = (this.source.driver as unknown as { master: Pool }).master;
    return { busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy();
  }

  private wake(partitions: ReadonlySet<number>): void {
    if (partitions.size > 0) for (const listener of this.listeners) listener(partitions);
  }

  private again<T>(what: string, run: () => Promise<T>): Promise<T> {
    return inSpan(`postgres ${what}`, POSTGRES, () => this.tryAgain(run));
  }

  private async tryAgain<T>(run: () => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await run();
      } catch (error) {
        const harmless = isRetryable(error) || (isAway(error) && !(error instanceof CommitUnknown) && tried === 1);
        if (harmless && tried < TRIES) databaseRetries.inc({ reason: isAway(error) ? 'away' : 'conflict' });
        if (!harmless || tried === TRIES) throw databaseFault(error instanceof CommitUnknown ? error.cause : error);
        await pause(Math.random() * 20 * 2 ** tried);
      }
    }
  }
}

function prepare(connection: ClientBase): void {
  outliveErrors(connection);
  endSilent(connection, SILENT_MS);
}

/** Ends it, as if it had been lost, where Postgres says nothing for so long, in milliseconds. */
export function endSilent(connection: ClientBase, ms: number): void {
  const { stream } = (connection as unknown as { connection: { stream: Socket } }).connection;
  stream.setTimeout(ms, () => {
    const said = `Postgres has said nothing for ${ms / 1000} s`;
    stream.destroy(Object.assign(new Error(said), { code: 'ETIMEDOUT' }));
  });
}

/**
 * Between the pool, which hands a connection over, and who asked for it nobody listens to it: what it says then would
 * end the process. Who has it finds out with the next question.
 */
function outliveErrors(connection: ClientBase): void {
  connection.on('error', () => undefined);
}

class CommitUnknown extends Error {}

async function commit(runner: QueryRunner): Promise<void> {
  try {
    await runner.commitTransaction();
  } catch (error) {
    if (isRetryable(error)) throw error;
    throw new CommitUnknown('the commit was not answered', { cause: error });
  }
}

function sqlOf(runner: QueryRunner): Sql {
  return {
    facts: new Set(),
    async query<Row>(text: string, params: readonly unknown[] = []) {
      return (await runner.query(text, [...params], true)).records as Row[];
    },
  };
}

async function waitFor<T>(run: () => Promise<T>, waitMs: number): Promise<T> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (error instanceof StartFault) throw error;
      const why = error instanceof Error ? error.message : String(error);
      if (!isAway(error)) throw new StartFault(`The database cannot be used: ${why}`);
      if (Date.now() >= deadline) throw new StartFault(`Postgres did not answer within ${waitMs / 1000} s: ${why}`);
      await pause(250);
    }
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
