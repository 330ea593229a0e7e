import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ChildFault, type ChildRecorder, type ChildUser } from './child-process';
import { freePort } from './free-port';
import { postgresBinaries } from './postgres-binaries';
import {
  type ClusterPlace,
  clusterFolder,
  DATABASE,
  ensureCluster,
  reachableName,
  SUPERUSER,
} from './postgres-cluster';
import { disarmStaleLock } from './postgres-lock';
import { postgresUser } from './postgres-user';
import { secretFile } from './secret-file';
import { type Child, startChild } from './start-child';

export interface PostgresOptions {
  /** Made when missing; holds the cluster and its password. One server at a time: the caller sees to that. */
  readonly folder: string;
  /** On loopback. 0, the default: a free one. */
  readonly port?: number;
  readonly recorder?: ChildRecorder | undefined;
}

export interface RunningPostgres extends Child {
  /** `postgres://user:password@127.0.0.1:port/entrepot` */
  readonly url: string;
  readonly port: number;
  /** Whether its database was made by this start. */
  readonly created: boolean;
}

const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 20_000;
/** A killed server's workers take a moment to notice, and it is not started over them. */
const OLD_WORKERS_END_WITHIN_MS = 10_000;

/** Durability is promised, so fsync stays on; the rest fits a small machine. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '128MB',
  max_wal_size: '512MB',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Starts the bundled Postgres, making its database when there is none. Throws StartFault. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const user = postgresUser();
  await makeFolder(options.folder, user);
  const binaries = await postgresBinaries(user);
  const place = { folder: options.folder, binaries, user, recorder: options.recorder };
  const password = await secretFile(join(options.folder, 'password'));
  const created = await ensureCluster(place, password);
  await disarmStaleLock(clusterFolder(options.folder));
  const { child, port } = await startServer(place, options.port ?? 0);
  return { ...child, port, created, url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}` };
}

async function makeFolder(folder: string, user: ChildUser | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (user) await chown(folder, user.uid, user.gid);
}

async function startServer(place: ClusterPlace, wanted: number): Promise<{ child: Child; port: number }> {
  const deadline = Date.now() + OLD_WORKERS_END_WITHIN_MS;
  for (;;) {
    const port = wanted || (await freePort());
    try {
      return { child: await startChild(serverCommand(place, port)), port };
    } catch (error) {
      if (Date.now() > deadline || !(error instanceof ChildFault) || !passes(error, wanted === 0)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function passes(fault: ChildFault, portIsOurs: boolean): boolean {
  const said = fault.lines.join('\n');
  if (/shared memory block .* still in use/.test(said)) return true;
  return portIsOurs && /could not bind|Address already in use/.test(said);
}

function serverCommand(place: ClusterPlace, port: number) {
  const cluster = clusterFolder(place.folder);
  const settings = Object.entries({ ...SETTINGS, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  return {
    name: 'postgres',
    command: place.binaries.postgres,
    args: ['-D', reachableName(place.user, cluster), ...settings],
    env: { LC_ALL: 'C' },
    cwd: cluster,
    user: place.user,
    recorder: place.recorder,
    readyLine: /database system is ready to accept connections/,
    readyWithinMs: READY_WITHIN_MS,
    stopSignal: 'SIGINT' as const,
    stopWithinMs: STOP_WITHIN_MS,
  };
}
