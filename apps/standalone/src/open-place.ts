import { checkStoreFolder } from '#apps/blobs/src/driver/check-store-folder';
import { Children } from './children';
import type { DataFolder } from './data-folder';
import { readWarehouseSettings, type WarehouseSettings } from './read-settings';
import { type StandaloneConfig, StandaloneConfigSchema } from './standalone.config';
import { type Servers, startServers } from './start-servers';
import type { StartSteps } from './start-steps';
import { warehouseEnvironment } from './warehouse-environment';

/** What the program and its commands stand on: the servers of a data folder, and the settings of the services there. */
export interface Place {
  readonly servers: Servers;
  readonly settings: WarehouseSettings;
}

/** Told of everything that has to be closed, in the order in which it was opened. */
export type Opened = (close: () => Promise<void> | void) => void;

/** Names of the settings that only this program has. */
export const OWN_SETTINGS = Object.keys(StandaloneConfigSchema.shape);

/** Starts the servers, once it is sure that the store can be written to. Throws StartFault. */
export async function openPlace(
  folder: DataFolder,
  config: StandaloneConfig,
  env: NodeJS.ProcessEnv,
  steps: StartSteps,
  opened: Opened,
): Promise<Place> {
  const settingsOn = (servers: Pick<Servers, 'databaseUrl' | 'issuerFile'>) =>
    readWarehouseSettings(warehouseEnvironment(env, { ...servers, blobsFolder: folder.blobs }), OWN_SETTINGS);
  const { blobs } = settingsOn({ databaseUrl: 'postgres://', issuerFile: undefined });
  if (blobs.ENTREPOT_STORE === 'folder') await checkStoreFolder(blobs.ENTREPOT_STORE_FOLDER);
  const children = new Children(folder.path);
  opened(() => children.end());
  const servers = await startServers(folder, children, config, steps);
  opened(() => servers.stop());
  return { servers, settings: settingsOn(servers) };
}
