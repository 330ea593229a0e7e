import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BlobsModule } from '#apps/blobs/src/blobs.module';
import { GatewayAdapter } from '#apps/gateway/src/gateway.adapter';
import { Database } from '#apps/metadata/src/database/database';
import { MetadataModule } from '#apps/metadata/src/metadata.module';
import { CallRegistry } from '#calls/call-registry';
import { CallServer } from '#calls/call-server';
import { LinksModule } from '#calls/links.module';
import type { LogFormat, LogLevelName } from '#config/log-level';
import { StartFault } from '#config/start-fault';
import { Bus, type BusOptions } from '#messaging/bus';
import { BusModule } from '#messaging/bus.module';
import { JetStreamStrategy } from '#messaging/jetstream.strategy';
import { ProgramLog } from '#service/program-log';
import { watchProcess } from '#telemetry/metrics';
import { startTracing } from '#telemetry/tracing';
import type { WarehouseSettings } from './read-settings';
import { StandaloneModule } from './standalone.module';

export interface Warehouse {
  /** Where it listens: `http://host:port`. */
  readonly url: string;
  /** Where it answers internal calls, on loopback, for commands that come while it runs. */
  readonly internalUrl: string;
  /** Why the bus did not work when all else was up. */
  readonly busFault: string | null;
  /** What was changed of the database's schema; null for nothing. */
  readonly migrated: string | null;
  /** Finishes what is under way and closes every connection. */
  close(): Promise<void>;
}

export type StoreSettings = Pick<WarehouseSettings, 'metadata' | 'blobs'>;

interface StoreSurroundings {
  readonly settings: StoreSettings;
  /** Seals what the services ask of each other: 32 bytes. */
  readonly secret: Uint8Array;
  readonly logLevel: LogLevelName;
}

interface Surroundings extends StoreSurroundings {
  readonly settings: WarehouseSettings;
  readonly logFormat: LogFormat;
  readonly bus: Pick<BusOptions, 'url' | 'login' | 'replicas'>;
  /** The database is this program's own child. */
  readonly ownsDatabase: boolean;
}

/** Starts the five services in this process, on a database and a bus that run already. */
export async function startWarehouse(surroundings: Surroundings): Promise<Warehouse> {
  const { settings, secret, logLevel, logFormat, ownsDatabase } = surroundings;
  const bus = new Bus({ ...surroundings.bus, name: 'entrepot', keepsStreams: true });
  watchProcess();
  const stopTracing = await startTracing('entrepot');
  const root = StandaloneModule.with(settings, secret, bus, ownsDatabase);
  const app = await NestFactory.create(root, new GatewayAdapter(settings.gateway), {
    logger: new ProgramLog({ level: logLevel, format: logFormat }),
    abortOnError: false,
  });
  app.connectMicroservice({ strategy: new JetStreamStrategy({ bus, service: 'metadata' }) });
  await app.init();
  await app.startAllMicroservices();
  const { ENTREPOT_HOST: host, ENTREPOT_PORT: port } = settings.gateway;
  await app.listen(port, host).catch((error: NodeJS.ErrnoException) => {
    throw explainListenFault(host, port, error);
  });
  const server = new CallServer(app.get(CallRegistry), secret);
  const internalUrl = `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  const close = async () => {
    await server.close(settings.gateway.ENTREPOT_DRAIN_MS);
    await app.close();
    await stopTracing();
  };
  const migrated = describeMigration(app);
  return { url: await app.getUrl(), internalUrl, busFault: bus.state().fault, migrated, close };
}

/** Only a little older programs start on a schema that was migrated: whoever ran the newer one is told. */
function describeMigration(app: INestApplicationContext): string | null {
  const { migrated } = app.get(Database);
  return migrated && `migrated from schema ${migrated.from} to ${migrated.to}`;
}

function explainListenFault(host: string, port: number, error: NodeJS.ErrnoException): Error {
  const why = { EADDRINUSE: 'it is taken', EACCES: 'this user may not', EADDRNOTAVAIL: 'no such address here' }[
    error.code ?? ''
  ];
  if (!why) return error;
  return new StartFault(`Cannot listen on ${host}:${port}: ${why}. Set ENTREPOT_PORT (and ENTREPOT_HOST) to another.`);
}

@Module({})
class StoreModule {}

/** Metadata and blobs alone, for commands that must work while services are dead: nothing listens, nothing is worked on. */
export async function openStore({
  settings,
  natsUrl,
  secret,
  logLevel,
}: StoreSurroundings & { readonly natsUrl: string }): Promise<{
  app: INestApplicationContext;
  migrated: string | null;
}> {
  const root: DynamicModule = {
    module: StoreModule,
    imports: [
      LinksModule.inProcess(secret),
      BusModule.of(new Bus({ url: natsUrl, name: 'entrepot-admin' })),
      MetadataModule.with(settings.metadata, { works: false }),
      BlobsModule.with({ ...settings.blobs, ENTREPOT_COMPOSE_SWEEP_MS: 0, ENTREPOT_SCRUB_SWEEP_MS: 0 }),
    ],
  };
  const app = await NestFactory.createApplicationContext(root, {
    logger: new ProgramLog({ level: logLevel }),
    abortOnError: false,
  });
  return { app, migrated: describeMigration(app) };
}
