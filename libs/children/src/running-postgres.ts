import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartFault } from '#config/start-fault';
import { clusterFolder, DATABASE, SUPERUSER } from './postgres-cluster';

/** Where Postgres writes its port, counted from 0. */
const PORT_LINE = 3;

/** Of the Postgres that another process runs on this folder, for commands beside it. Throws StartFault. */
export async function runningPostgresUrl(folder: string): Promise<string> {
  const read = (path: string) =>
    readFile(path, 'utf8').catch((error: Error) => {
      throw new StartFault(`The Postgres of the data folder cannot be reached: ${error.message}`);
    });
  const password = (await read(join(folder, 'password'))).trim();
  const port = Number((await read(join(clusterFolder(folder), 'postmaster.pid'))).split('\n')[PORT_LINE]);
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`;
}
