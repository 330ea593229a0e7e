import type { Database } from './database';
import { type Metadata, wire } from './metadata.fixture';

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/**
 * The same stores, whose transaction of this step stops before its commit, with its locks held, until `go`. What is
 * started meanwhile meets a change that is not committed yet.
 */
export function pausedAt(metadata: Metadata, step: string) {
  const reached = deferred();
  const open = deferred();
  const database: Database = Object.create(metadata.database);
  database.transaction = (name, run) =>
    metadata.database.transaction(name, async (sql) => {
      const result = await run(sql);
      if (name === step) {
        reached.resolve();
        await open.promise;
      }
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
 * Runs `second` while `first` has done all but its commit, and waits until it waits. Answers both results: a promise
 * that was refused is answered by its error.
 */
export async function interleave<A, B>(
  metadata: Metadata,
  step: string,
  first: (paused: Metadata) => Promise<A>,
  second: () => Promise<B>,
  waits = true,
): Promise<[A | Error, B | Error]> {
  const { paused, reached, go } = pausedAt(metadata, step);
  const one = first(paused).catch((error: Error) => error);
  await Promise.race([reached, one]);
  const two = second().catch((error: Error) => error);
  if (waits) await somebodyWaits(metadata);
  else await two;
  go();
  return [await one, await two];
}
