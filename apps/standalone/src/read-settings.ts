import type { z } from 'zod';
import { BlobsConfigSchema } from '#apps/blobs/src/blobs.config';
import { FetcherConfigSchema } from '#apps/fetcher/src/fetcher.config';
import { GatewayConfigSchema } from '#apps/gateway/src/gateway.config';
import { GcConfigSchema } from '#apps/gc/src/gc.config';
import { MetadataConfigSchema } from '#apps/metadata/src/metadata.config';
import { loadConfig } from '#config/load-config';
import { readAll } from '#config/read-all';

const SCHEMAS = {
  gateway: GatewayConfigSchema,
  fetcher: FetcherConfigSchema,
  blobs: BlobsConfigSchema,
  metadata: MetadataConfigSchema,
  gc: GcConfigSchema,
};

type Schemas = typeof SCHEMAS;

/** The settings of the five services in one process. */
export type WarehouseSettings = { readonly [App in keyof Schemas]: z.output<Schemas[App]> };

/** Names that are read by the program's own start, or by the command beside it, and so are known too. */
const ELSEWHERE = ['ENTREPOT_FAILPOINTS', 'ENTREPOT_PEERS', 'ENTREPOT_URL'];

/** Every setting there is, by its name. */
export function settingNames(more: Iterable<string> = []): Set<string> {
  return new Set([...Object.values(SCHEMAS).flatMap((schema) => Object.keys(schema.shape)), ...ELSEWHERE, ...more]);
}

/** Reads the settings of all five services from one environment; throws ConfigError with every fault there is. */
export function readWarehouseSettings(env: NodeJS.ProcessEnv, more: Iterable<string> = []): WarehouseSettings {
  return readApps(Object.keys(SCHEMAS) as (keyof Schemas)[], env, settingNames(more)) as WarehouseSettings;
}

/** Those of metadata and blobs alone; the environment may be that of any service. Throws ConfigError. */
export function readStoreSettings(
  env: NodeJS.ProcessEnv,
  known: Iterable<string>,
): Pick<WarehouseSettings, 'metadata' | 'blobs'> {
  return readApps(['metadata', 'blobs'], env, known) as Pick<WarehouseSettings, 'metadata' | 'blobs'>;
}

function readApps(apps: readonly (keyof Schemas)[], env: NodeJS.ProcessEnv, known: Iterable<string>): object {
  const read = readAll(apps.map((app) => () => loadConfig(SCHEMAS[app] as z.ZodObject, env, known)));
  return Object.fromEntries(apps.map((app, at) => [app, read[at]]));
}
