import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Calls } from '#calls/calls';
import { HttpCalls } from '#calls/http-calls';
import { lockFile, lockHolder } from '#children/file-lock';
import { explainFolderFault } from '#config/explain-folder-fault';
import { loadConfig } from '#config/load-config';
import { StartFault } from '#config/start-fault';
import { PingBlobs, PingMetadata } from '#contracts/calls/ping';
import { isRegistryError } from '#oci/registry-error';
import { ServiceConfigSchema, secretOf, serviceUrls } from '#service/service.config';
import { settingNames } from './read-settings';
import { readRunning } from './running.store';
import { openSecrets } from './secrets.store';
import { StandaloneConfigSchema } from './standalone.config';

/**
 * Runs a command through what runs: the services that the environment names, else the program on the data folder.
 * Throws StartFault where there is none.
 */
export async function withRunning<T>(env: NodeJS.ProcessEnv, run: (calls: Calls) => Promise<T>): Promise<T> {
  if (namesServices(env)) return throughServices(env, run);
  const config = loadConfig(StandaloneConfigSchema, env, settingNames(Object.keys(StandaloneConfigSchema.shape)));
  const path = resolve(config.ENTREPOT_DATA);
  if (isRunning(path)) return throughRunning(path, run);
  throw new StartFault(`No Entrepot runs on ${path}, and this command needs one: start it (npm start) and try again.`);
}

/** Five processes share a secret; the standalone program makes its own, and knows no such setting. */
export const namesServices = (env: NodeJS.ProcessEnv): boolean => Boolean(env.ENTREPOT_SECRET);

/**
 * Whether metadata and blobs answer where the environment says that they do. Throws StartFault where one does not, and
 * the environment does not name what they work on.
 */
export async function findServices(env: NodeJS.ProcessEnv): Promise<'answering' | 'dead'> {
  const ask = (calls: Calls) => Promise.all([calls.ask(PingMetadata, {}), calls.ask(PingBlobs, {})]);
  try {
    await throughServices(env, ask);
    return 'answering';
  } catch (error) {
    if (!isRegistryError(error)) throw error;
    const namesStore = env.ENTREPOT_STORE === 'minio' || env.ENTREPOT_STORE_FOLDER;
    if (env.DATABASE_URL && namesStore) return 'dead';
    throw new StartFault(
      `${error.message} (ENTREPOT_METADATA_URL, ENTREPOT_BLOBS_URL). Start it, or set DATABASE_URL and ` +
        'ENTREPOT_STORE_FOLDER (or ENTREPOT_STORE=minio and its ENTREPOT_S3_…) to work without the services.',
    );
  }
}

/** Runs a command through services that are processes of their own, found as they find each other. */
export function throughServices<T>(env: NodeJS.ProcessEnv, run: (calls: Calls) => Promise<T>): Promise<T> {
  // The environment may be that of any of them, with settings that are no concern of ours.
  const settings = loadConfig(ServiceConfigSchema, env, Object.keys(env));
  return withCalls(new HttpCalls(serviceUrls(settings), secretOf(settings)), run);
}

/** Whether a program holds the data folder. Throws StartFault where there is no such folder. */
export function isRunning(path: string): boolean {
  if (!existsSync(path))
    throw new StartFault(`There is no data folder ${path}: set ENTREPOT_DATA to the one that is meant.`);
  if (!existsSync(join(path, 'lock')))
    throw new StartFault(`${path} is no data folder of Entrepot: set ENTREPOT_DATA to the one that is meant.`);
  try {
    const lock = lockFile(join(path, 'lock'));
    lock?.release();
    return lock === undefined;
  } catch (error) {
    throw explainFolderFault('ENTREPOT_DATA', path, error);
  }
}

/** Runs a command through the program that holds the data folder. */
export async function throughRunning<T>(path: string, run: (calls: Calls) => Promise<T>): Promise<T> {
  const running = await readRunning(path).catch((error: unknown) => {
    throw explainFolderFault('ENTREPOT_DATA', path, error);
  });
  const holder = lockHolder(join(path, 'lock'));
  // A killed program left that file, and whoever holds the folder now is not it.
  if (!running || (running.pid !== undefined && String(running.pid) !== holder)) {
    throw new StartFault(
      `Process ${holder} has the data folder ${path} and answers no questions: ` +
        'an Entrepot that is starting or ending, or another command. Try again in a moment.',
    );
  }
  const { capability } = await openSecrets(path);
  const url = running.internalUrl;
  return withCalls(new HttpCalls({ metadata: url, blobs: url, fetcher: url, gc: url }, capability), run);
}

async function withCalls<T>(calls: HttpCalls, run: (calls: Calls) => Promise<T>): Promise<T> {
  try {
    return await run(calls);
  } finally {
    calls.close();
  }
}
