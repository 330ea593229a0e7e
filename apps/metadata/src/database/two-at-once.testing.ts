import { type Metadata, wire } from '../metadata.testing';
import type { Database, Sql } from './database';

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Where a transaction stops: before the commit of this step, or before the first statement that matches. */
export type Stop = string | RegExp;

/**
 * The same stores, of which one transaction stops, with its locks held, until `go`. What is started meanwhile meets a
 * change that is not committed yet.
 */
export function pausedAt(metadata: Metadata, stop: Stop) {
  const reached = deferred();
  const open = deferred();
  const pause = () => {
    reached.resolve();
    return open.promise;
  };
  const stopping = (sql: Sql): Sql => ({
    facts: sql.facts,
    query: async (text, params) => {
      if (stop instanceof RegExp && stop.test(text)) await pause();
      return sql.query(text, params);
    },
  });
  const database: Database = Object.create(metadata.database);
  database.transaction = (name, run) =>
    metadata.database.transaction(name, async (sql) => {
      const result = await run(stopping(sql));
      if (name === stop) await pause();
      return result;
    });
  const paused: Metadata = { ...metadata, database, ...wire(database, metadata.hotClient, metadata.config) };
  return { paused, reached: reached.promise, go: () => open.resolve() };
}

/** Resolves when a statement waits for a lock. */
export async function somebodyWaits(metadata: Metadata): Promise<void> {
  for (const deadline = Date.now() + 8000; Date.now() < deadline; ) {
    const waiting = await metadata.database.read(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (waiting.length > 0) return;
  }
  throw new Error('nobody waits for a lock');
}

/**
 * Runs `second` while `first` stands where it stops, and waits until it waits (or, with `waits` false, until it ends). Answers both results: a promise
 * that was refused is answered by its error.
 */
export async function interleave<A, B>(
  metadata: Metadata,
  stop: Stop,
  first: (paused: Metadata) => Promise<A>,
  second: () => Promise<B>,
  waits = true,
): Promise<[A | Error, B | Error]> {
  const { paused, reached, go } = pausedAt(metadata, stop);
  const one = first(paused).catch((error: Error) => error);
  await Promise.race([reached, one]);
  const two = second().catch((error: Error) => error);
  try {
    if (waits) await somebodyWaits(metadata);
    else await two;
  } finally {
    go();
  }
  return [await one, await two];
}
