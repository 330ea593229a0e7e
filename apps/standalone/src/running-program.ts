import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Calls } from '#calls/calls';
import { HttpCalls } from '#calls/http-calls';
import { lockFile } from '#children/file-lock';
import { loadConfig } from '#config/load-config';
import { StartFault } from '#config/start-fault';
import { settingNames } from './read-settings';
import { readRunning } from './running.store';
import { openSecrets } from './secrets.store';
import { StandaloneConfigSchema } from './standalone.config';

/** Runs a command through the program that runs on the data folder. Throws StartFault where none does. */
export async function withRunning<T>(env: NodeJS.ProcessEnv, run: (calls: Calls) => Promise<T>): Promise<T> {
  const config = loadConfig(StandaloneConfigSchema, env, settingNames(Object.keys(StandaloneConfigSchema.shape)));
  const path = resolve(config.ENTREPOT_DATA);
  if (isRunning(path)) return throughRunning(path, run);
  throw new StartFault(`No Entrepot runs on ${path}, and this command needs one: start it (npm start) and try again.`);
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
  const calls = new HttpCalls({ metadata: url, blobs: url, fetcher: url, gc: url }, capability);
  try {
    return await run(calls);
  } finally {
    calls.close();
  }
}
