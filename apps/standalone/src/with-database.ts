import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runningPostgresUrl } from '#children/running-postgres';
import { loadConfig } from '#config/load-config';
import { StartFault } from '#config/start-fault';
import { openDataFolder } from './data-folder';
import { OWN_SETTINGS, openPlace } from './open-place';
import { settingNames } from './read-settings';
import { isRunning } from './running-program';
import { StandaloneConfigSchema } from './standalone.config';
import { StartSteps } from './start-steps';
import { closingAll, NO_BUS } from './with-store';

type OnUrl<T> = (url: string) => Promise<T>;

/**
 * Runs a command on the database that `DATABASE_URL` names, else on that of the data folder: through the Postgres that a
 * program runs there, or one that is started for as long as it takes. Throws StartFault.
 */
export function withDatabase<T>(env: NodeJS.ProcessEnv, run: OnUrl<T>): Promise<T> {
  if (env.DATABASE_URL) return run(env.DATABASE_URL);
  const folder = dataFolder(env);
  return isRunning(folder) ? runningPostgresUrl(join(folder, 'postgres')).then(run) : onOwnPostgres(env, folder, run);
}

/** As `withDatabase`, where nothing works on it meanwhile; a data folder is made where there is none. Throws StartFault. */
export function withIdleDatabase<T>(env: NodeJS.ProcessEnv, run: OnUrl<T>): Promise<T> {
  if (env.DATABASE_URL) return run(env.DATABASE_URL);
  const folder = dataFolder(env);
  if (existsSync(folder) && existsSync(join(folder, 'lock')) && isRunning(folder))
    throw new StartFault(`An Entrepot runs on ${folder}: stop it first.`);
  return onOwnPostgres(env, folder, run);
}

const readConfig = (env: NodeJS.ProcessEnv) => loadConfig(StandaloneConfigSchema, env, settingNames(OWN_SETTINGS));

const dataFolder = (env: NodeJS.ProcessEnv) => resolve(readConfig(env).ENTREPOT_DATA);

function onOwnPostgres<T>(env: NodeJS.ProcessEnv, path: string, run: OnUrl<T>): Promise<T> {
  return closingAll(async (opened) => {
    const folder = await openDataFolder(path);
    opened(() => folder.release());
    const steps = new StartSteps(() => undefined, Date.now);
    const { servers } = await openPlace(folder, { ...readConfig(env), NATS_URL: NO_BUS }, env, steps, opened);
    return run(servers.databaseUrl);
  });
}
