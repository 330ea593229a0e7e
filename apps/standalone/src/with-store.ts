import { resolve } from 'node:path';
import { Calls } from '#calls/calls';
import { loadConfig } from '#config/load-config';
import { Children } from './children';
import { openDataFolder } from './data-folder';
import { readWarehouseSettings, settingNames } from './read-settings';
import { isRunning, namesServices, throughRunning, throughServices } from './running-program';
import { StandaloneConfigSchema } from './standalone.config';
import { startServers } from './start-servers';
import { StartSteps } from './start-steps';
import { openStore } from './warehouse';
import { warehouseEnvironment } from './warehouse-environment';

/**
 * Runs a command on the store: through the services that the environment names, or the program that runs on the data
 * folder, else on metadata and blobs alone, with Postgres started for as long as it takes.
 */
export async function withStore<T>(env: NodeJS.ProcessEnv, run: (calls: Calls) => Promise<T>): Promise<T> {
  if (namesServices(env)) return throughServices(env, run);
  const names = Object.keys(StandaloneConfigSchema.shape);
  const config = loadConfig(StandaloneConfigSchema, env, settingNames(names));
  const path = resolve(config.ENTREPOT_DATA);
  if (isRunning(path)) return throughRunning(path, run);
  const folder = await openDataFolder(path);
  const children = new Children(folder.path);
  try {
    // No bus is needed, and none is started: an address where nobody listens is named instead.
    const alone = { ...config, NATS_URL: 'nats://127.0.0.1:1' };
    const servers = await startServers(folder, children, alone, new StartSteps(() => undefined, Date.now));
    const environment = warehouseEnvironment(env, { databaseUrl: servers.databaseUrl, blobsFolder: folder.blobs });
    const settings = readWarehouseSettings(environment, names);
    const secret = folder.secrets.capability;
    const app = await openStore({
      settings,
      natsUrl: servers.natsUrl,
      secret,
      logLevel: 'error',
      ownsDatabase: false,
    });
    const result = await run(app.get(Calls));
    await app.close();
    await servers.stop();
    return result;
  } finally {
    await children.stopAll();
    folder.release();
  }
}
