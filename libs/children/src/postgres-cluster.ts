import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartFault } from '#config/start-fault';
import { ChildFault, type ChildRecorder, type ChildUser } from './child-process';
import type { PostgresBinaries } from './postgres-binaries';
import { canReach } from './postgres-user';
import { runToEnd } from './run-to-end';

export const DATABASE = 'entrepot';
export const SUPERUSER = 'entrepot';

const DRAFT = 'init-';

export interface ClusterPlace {
  /** Holds the cluster in `data`, and drafts of it while it is made. */
  readonly folder: string;
  readonly binaries: PostgresBinaries;
  readonly user: ChildUser | undefined;
  readonly recorder: ChildRecorder | undefined;
}

export const clusterFolder = (folder: string) => join(folder, 'data');

/**
 * How a child of this user names a cluster's folder. One below a closed folder (/root is one) cannot be reached by its
 * path; but the folder that a child was started in can, under Linux, by its link in /proc. Postgres never leaves it.
 */
export function reachableName(user: ChildUser | undefined, cluster: string): string {
  if (canReach(user, cluster) || process.platform !== 'linux') return cluster;
  return '/proc/self/cwd';
}

/**
 * Makes the cluster when there is none: with one superuser, who needs the password, and one database.
 * It is made aside and renamed when it is whole and on disk, so that no kill leaves half of one.
 * Gives whether it was made now.
 */
export async function ensureCluster(place: ClusterPlace, password: string): Promise<boolean> {
  const cluster = clusterFolder(place.folder);
  await removeDrafts(place.folder);
  const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(ignoreMissing);
  if (version === undefined) {
    await refuseOthers(cluster);
    await createCluster(place, password);
    return true;
  }
  if (version.trim() !== place.binaries.major) {
    throw new StartFault(
      `The database in ${cluster} was made by Postgres ${version.trim()}, and this is Postgres ${place.binaries.major}.`,
    );
  }
  return false;
}

/** What is no cluster any more, or none of ours, is not made one over what it holds. */
async function refuseOthers(cluster: string): Promise<void> {
  const names = (await readdir(cluster).catch(ignoreMissing)) ?? [];
  if (names.length === 0) return;
  throw new StartFault(
    `${cluster} holds other things (${names.slice(0, 3).join(', ')}) and no PG_VERSION, so it is no database: ` +
      'bring that back from a backup, or move the folder away.',
  );
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function removeDrafts(folder: string): Promise<void> {
  const drafts = (await readdir(folder)).filter((name) => name.startsWith(DRAFT));
  await Promise.all(drafts.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

async function createCluster(place: ClusterPlace, password: string): Promise<void> {
  const draft = join(place.folder, `${DRAFT}${randomBytes(6).toString('hex')}`);
  const cluster = join(draft, 'data');
  try {
    await mkdir(cluster, { recursive: true, mode: 0o700 });
    await writeFile(join(draft, 'password'), `${password}\n`, { mode: 0o600 });
    await own(place.user, draft, cluster, join(draft, 'password'));
    await initialize(place, cluster);
    await rename(cluster, clusterFolder(place.folder));
    await syncFolder(place.folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function initialize(place: ClusterPlace, cluster: string): Promise<void> {
  const data = reachableName(place.user, cluster);
  const { initdb, postgres } = place.binaries;
  const run = (command: string, args: string[], input?: string) =>
    runToEnd({ name: 'initdb', command, args, cwd: cluster, user: place.user, recorder: place.recorder }, input);
  const access = ['-U', SUPERUSER, '-A', 'scram-sha-256', `--pwfile=${data}/../password`];
  await run(initdb, ['-D', data, ...access, '-E', 'UTF8', '--locale=C', '--no-instructions', '--no-sync']);
  const said = await run(postgres, ['--single', '-D', data, 'postgres'], `CREATE DATABASE ${DATABASE};\n`);
  // A server run like this goes on after an error, and ends with 0.
  if (said.some((line) => /ERROR|FATAL/.test(line))) throw new ChildFault('The database could not be made:', said);
  await run(initdb, ['-D', data, '--sync-only']);
}

async function own(user: ChildUser | undefined, ...paths: string[]): Promise<void> {
  if (user) await Promise.all(paths.map((path) => chown(path, user.uid, user.gid)));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
