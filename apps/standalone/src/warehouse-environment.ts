import { isIP } from 'node:net';
import type { DataFolder } from './data-folder';
import type { StandaloneConfig } from './standalone.config';

/**
 * The settings of the five services as the standalone program runs them: what it started itself, the folder store,
 * and upstreams on loopback for as long as it listens on loopback alone. What a person set stays.
 */
export function warehouseEnvironment(
  env: NodeJS.ProcessEnv,
  config: StandaloneConfig,
  folder: DataFolder,
  databaseUrl: string,
): NodeJS.ProcessEnv {
  return {
    ENTREPOT_STORE_FOLDER: folder.blobs,
    ENTREPOT_UPSTREAM_LOOPBACK: String(isLoopback(config.ENTREPOT_HOST)),
    ...env,
    DATABASE_URL: databaseUrl,
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
