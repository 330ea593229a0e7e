import { resolve } from 'node:path';
import { Calls } from '#calls/calls';
import { loadConfig } from '#config/load-config';
import { ServiceConfigSchema, secretOf } from '#service/service.config';
import { openDataFolder } from './data-folder';
import { type Opened, OWN_SETTINGS, openPlace } from './open-place';
import { readStoreSettings, settingNames } from './read-settings';
import { findServices, isRunning, namesServices, throughRunning, throughServices } from './running-program';
import { StandaloneConfigSchema } from './standalone.config';
import { StartSteps } from './start-steps';
import { openStore, type StoreSettings } from './warehouse';

/** No bus is needed, and none is started: an address where nobody listens is named instead. */
export const NO_BUS = 'nats://127.0.0.1:1';

type Say = (line: string) => void;

/**
 * Runs a command on the store: through the services that the environment names, or the program that runs on the data
 * folder, else on metadata and blobs alone: those of the environment, where it names a database and a store, or those of
 * the data folder, with Postgres started for as long as it takes.
 */
export async function withStore<T>(env: NodeJS.ProcessEnv, run: (calls: Calls) => Promise<T>, say: Say): Promise<T> {
  if (namesServices(env)) {
    if ((await findServices(env)) === 'answering') return throughServices(env, run);
    return closingAll((opened) => runOnNamed(env, run, say, opened));
  }
  const config = loadConfig(StandaloneConfigSchema, env, settingNames(OWN_SETTINGS));
  const path = resolve(config.ENTREPOT_DATA);
  if (isRunning(path)) return throughRunning(path, run);
  return closingAll(async (opened) => {
    const folder = await openDataFolder(path);
    opened(() => folder.release());
    const steps = new StartSteps(() => undefined, Date.now);
    const { settings } = await openPlace(folder, { ...config, NATS_URL: NO_BUS }, env, steps, opened);
    return runOn(settings, folder.secrets.capability, run, say, opened);
  });
}

/** On the database and the store that the environment of the services names, while these are dead. */
function runOnNamed<T>(
  env: NodeJS.ProcessEnv,
  run: (calls: Calls) => Promise<T>,
  say: Say,
  opened: Opened,
): Promise<T> {
  const known = Object.keys(env);
  say('the services do not answer: opening the database and the store that DATABASE_URL and ENTREPOT_STORE… name');
  return runOn(readStoreSettings(env, known), secretOf(loadConfig(ServiceConfigSchema, env, known)), run, say, opened);
}

async function runOn<T>(
  settings: StoreSettings,
  secret: Uint8Array,
  run: (calls: Calls) => Promise<T>,
  say: Say,
  opened: Opened,
): Promise<T> {
  const store = await openStore({ settings, natsUrl: NO_BUS, secret, logLevel: 'error' });
  opened(() => store.app.close());
  if (store.migrated !== null) say(`database ${store.migrated}`);
  return run(store.app.get(Calls));
}

/** Closes what was opened, the last first, however it ends. */
export async function closingAll<T>(run: (opened: Opened) => Promise<T>): Promise<T> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    return await run((close) => void closers.unshift(close));
  } finally {
    for (const close of closers) await close();
  }
}
