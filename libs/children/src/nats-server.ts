import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustWrite } from '#config/must-write';
import { StartFault } from '#config/start-fault';
import { accountOf, isAccountSeed, makeAccountSeed } from './account-key';
import { ChildFault, type ChildRecorder } from './child-process';
import { findNatsServer, sharedBinFolder } from './find-nats-server';
import { freePort } from './free-port';
import { type NatsServerSettings, natsServerConfig } from './nats-server-config';
import { secretFile } from './secret-file';
import { type Child, startChild } from './start-child';

export interface NatsServerOptions {
  /** Made when missing; holds the configuration, the password and the streams. The caller sees that one server uses it. */
  readonly folder: string;
  /** On loopback. 0, the default: a free one. */
  readonly port?: number;
  /** The server's program; else it is looked for, and installed for all clones of this user when there is none. */
  readonly binary?: string;
  readonly recorder?: ChildRecorder | undefined;
  readonly cluster?: NatsServerSettings['cluster'];
}

export interface RunningNatsServer extends Child {
  /** For the services: `nats://user:password@127.0.0.1:port` */
  readonly url: string;
  /** For anybody: `nats://127.0.0.1:port` */
  readonly anonymousUrl: string;
  readonly port: number;
  /** Holds the seed of the key that lets in users who are made at run time. */
  readonly issuerFile: string;
}

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const PORT_ATTEMPTS = 5;

/** Starts a nats-server with JetStream. Throws StartFault. */
export async function startNatsServer(options: NatsServerOptions): Promise<RunningNatsServer> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  // The server itself would say it in eight lines, and of a stream's folder not at all.
  await mustWrite(join(options.folder, 'jetstream'), 4);
  const binary = options.binary ?? (await findNatsServer(sharedBinFolder())).path;
  const password = await secretFile(join(options.folder, 'password'));
  const issuerFile = join(options.folder, 'issuer');
  const issuer = issuerOf(await secretFile(issuerFile, makeAccountSeed), issuerFile);
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port || (await freePort());
    try {
      const child = await startChild(await serverCommand(options, binary, { port, password, issuer }));
      const anonymousUrl = `nats://127.0.0.1:${port}`;
      return { ...child, port, issuerFile, anonymousUrl, url: `nats://entrepot:${password}@127.0.0.1:${port}` };
    } catch (error) {
      if (!isPortTaken(error)) throw error;
      if (options.port || attempt === PORT_ATTEMPTS) throw portTaken(port);
    }
  }
}

function issuerOf(seed: string, file: string): string {
  if (isAccountSeed(seed)) return accountOf(seed);
  throw new StartFault(
    `${file} is not the key that was written there. Bring it back from a backup, or remove it: a new one will be made.`,
  );
}

type Chosen = Pick<NatsServerSettings, 'port' | 'password' | 'issuer'>;

async function serverCommand(options: NatsServerOptions, binary: string, chosen: Chosen) {
  const config = join(options.folder, 'nats-server.conf');
  const { folder, cluster } = options;
  const text = natsServerConfig({ ...chosen, storeFolder: folder, ...(cluster && { cluster }) });
  await writeFile(config, text, { mode: 0o600 });
  return {
    name: 'nats-server',
    command: binary,
    args: ['--config', config],
    recorder: options.recorder,
    readyLine: /Server is ready/,
    readyWithinMs: READY_WITHIN_MS,
    stopWithinMs: STOP_WITHIN_MS,
  };
}

function isPortTaken(error: unknown): boolean {
  return error instanceof ChildFault && error.lines.some((line) => line.includes('address already in use'));
}

function portTaken(port: number): StartFault {
  return new StartFault(
    `Port ${port} on 127.0.0.1 is taken, so nats-server cannot listen on it. ` +
      'Set ENTREPOT_NATS_PORT to another, or NATS_URL to use a server that runs already.',
  );
}
