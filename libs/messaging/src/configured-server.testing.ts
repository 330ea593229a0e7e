import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer, sharedBinFolder } from '#children/find-nats-server';
import { freePort } from '#children/free-port';
import { startChild } from '#children/start-child';

export interface ConfiguredServer {
  readonly port: number;
  /** Where the files lie that it was given. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** A nats-server with a configuration of its own; `FOLDER` in it is where these files lie. */
export async function configuredServer(
  config: string,
  files: Readonly<Record<string, string>> = {},
): Promise<ConfiguredServer> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-nats-'));
  const port = await freePort();
  const { path } = await findNatsServer(sharedBinFolder());
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const file = join(folder, 'nats-server.conf');
  await writeFile(file, `listen: "127.0.0.1:${port}"\n${config.replaceAll('FOLDER', folder)}`);
  const server = await startChild({
    name: 'nats-server',
    command: path,
    args: ['--config', file],
    readyLine: /Server is ready/,
    readyWithinMs: 60_000,
    stopWithinMs: 10_000,
  });
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { port, folder, stop };
}
