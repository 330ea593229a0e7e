import { cp, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { postgresBinaries } from '#children/postgres-binaries';
import type { DockerEngine } from '#testing/docker-engine';
import { imageLayout } from '#testing/docker-registry';
import { peer } from '#testing/peers';
import { runWell } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const RECIPES = join(__dirname, 'images');
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/** What each stand-in is made of, beside its recipe: names in its folder, and where on this machine they come from. */
const PARTS: Readonly<Record<string, () => Promise<Readonly<Record<string, string>>>>> = {
  node: async () => ({ npm: await npmFolder(), 'ca-certificates.crt': AUTHORITIES }),
  nats: async () => ({ busybox: peer('busybox'), 'nats-server': peer('nats-server') }),
  postgres: async () => ({ native: await postgresFolder(), pg_isready: await pgIsReady() }),
  minio: async () => ({ busybox: peer('busybox'), minio: peer('minio') }),
};

/**
 * Makes the images that docker-compose.yml and the Dockerfile name, under the very names: nothing here can be had from
 * a registry. `names` are the images by the recipe that stands in for each.
 */
export async function makeStandIns(engine: DockerEngine, names: Readonly<Record<string, string>>): Promise<void> {
  const options = ['--quiet', '--dest-daemon-host', `unix://${engine.socket}`];
  const layout = await imageLayout('library/node:20');
  await runWell(peer('skopeo'), ['copy', ...options, layout, 'docker-daemon:debian-with-node:latest']);
  await Promise.all(Object.entries(names).map(([recipe, name]) => makeStandIn(engine, recipe, name)));
}

async function makeStandIn(engine: DockerEngine, recipe: string, name: string): Promise<void> {
  const context = await tempFolder('context');
  try {
    await cp(join(RECIPES, recipe), context, { recursive: true });
    for (const [part, source] of Object.entries(await PARTS[recipe]!())) {
      await cp(await realpath(source), join(context, part), { recursive: true, verbatimSymlinks: true });
    }
    await engine.docker('build', '--network', 'none', ...(await settingsOf(recipe)), '--tag', name, context);
  } finally {
    await removeFolder(context);
  }
}

/** Packages come from where this machine has them from. */
async function settingsOf(recipe: string): Promise<string[]> {
  if (recipe !== 'node') return [];
  return ['--build-arg', `REGISTRY=${(await runWell('npm', ['config', 'get', 'registry'])).trim()}`];
}

const npmFolder = async () => join(dirname(await realpath(process.execPath)), '..', 'lib', 'node_modules', 'npm');

async function postgresFolder(): Promise<string> {
  const { postgres } = await postgresBinaries(undefined);
  return join(dirname(postgres), '..');
}

/** On Debian the name on PATH is a script that looks for the newest one. */
async function pgIsReady(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0];
  return newest === undefined ? peer('pg_isready') : join('/usr/lib/postgresql', newest, 'bin', 'pg_isready');
}
