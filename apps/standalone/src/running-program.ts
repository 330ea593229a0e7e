import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Calls } from '#calls/calls';
import { HttpCalls } from '#calls/http-calls';
import { lockFile } from '#children/file-lock';
import { loadConfig } from '#config/load-config';
import { StartFault } from '#config/start-fault';
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
  const lock = lockFile(join(path, 'lock'));
  lock?.release();
  return lock === undefined;
}

/** Runs a command through the program that holds the data folder. */
export async function throughRunning<T>(path: string, run: (calls: Calls) => Promise<T>): Promise<T> {
  const running = await readRunning(path);
  if (!running) throw new StartFault(`An Entrepot is starting or ending on ${path}: try again in a moment.`);
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
