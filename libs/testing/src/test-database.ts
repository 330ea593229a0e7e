import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '#children/postgres';

export interface TestDatabase {
  /** Of an empty database. */
  readonly url: string;
  /** SIGKILL to the server. */
  kill(): Promise<void>;
  /** Starts a killed one, on the same folder and port. */
  start(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** A Postgres of its own for one spec file: nothing is shared, so files run side by side and leave nothing. */
export async function startTestDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-postgres-'));
  let server = await startPostgres({ folder });
  return {
    url: server.url,
    kill: () => server.kill(),
    async start() {
      server = await startPostgres({ folder, port: server.port });
    },
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
