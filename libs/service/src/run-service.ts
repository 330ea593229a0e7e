import { type DynamicModule, type INestApplicationContext, Logger, Module } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import type { z } from 'zod';
import { CallRegistry } from '#calls/call-registry';
import { CallServer } from '#calls/call-server';
import { Calls } from '#calls/calls';
import { InProcessCalls } from '#calls/in-process-calls';
import { LinksModule } from '#calls/links.module';
import { readFailpoints } from '#config/failpoint';
import { loadConfig } from '#config/load-config';
import { readAll } from '#config/read-all';
import { PingBlobs, PingMetadata } from '#contracts/calls/ping';
import { Bus } from '#messaging/bus';
import { BusModule } from '#messaging/bus.module';
import { JetStreamStrategy } from '#messaging/jetstream.strategy';
import { watchProcess } from '#telemetry/metrics';
import { startTracing } from '#telemetry/tracing';
import { Ending } from './ending';
import { growHeap } from './grow-heap';
import { openFace } from './open-face';
import { ownAddress } from './own-address';
import { ProgramLog } from './program-log';
import { beginDraining, type Probe, Readiness } from './readiness';
import { type ServiceConfig, ServiceConfigSchema, secretOf, serviceUrls } from './service.config';

/** A service as a process of its own. */
export interface Service<Schema extends z.ZodObject> {
  readonly name: 'gateway' | 'metadata' | 'blobs' | 'fetcher' | 'gc';
  readonly schema: Schema;
  readonly module: (config: z.output<Schema>) => DynamicModule;
  /** The server of its public face, and where that listens: the gateway's alone. */
  readonly face?: (config: z.output<Schema>) => { adapter: AbstractHttpAdapter; host: string; port: number };
  /** Takes requests in, and keeps the streams: metadata's alone. */
  readonly takesRequests?: boolean;
}

@Module({})
class ServiceModule {}

/** Runs a service until it is told to end; a start that cannot go on is its one clear line, and exit code 1. */
export function runService<Schema extends z.ZodObject>(service: Service<Schema>): void {
  growHeap();
  watchProcess();
  const plain: Pick<ProgramLog, 'fatal'> = { fatal: (text) => process.stderr.write(`${text}\n`) };
  const voice = { log: plain };
  const ending = new Ending((text) => voice.log.fatal(text, service.name));
  ending.listen();
  startService(service, ending, voice).catch((error: unknown) => ending.fail(error));
}

/** Reads settings, links the service to the others over HTTP and to the bus, and serves. */
async function startService<Schema extends z.ZodObject>(
  service: Service<Schema>,
  ending: Ending,
  voice: { log: Pick<ProgramLog, 'fatal'> },
): Promise<void> {
  // Five services may share one environment: only the standalone program knows the names of all settings.
  const names = Object.keys(process.env);
  readFailpoints();
  const [settings, config] = readAll([
    () => loadConfig(ServiceConfigSchema, process.env, names),
    () => loadConfig(service.schema, process.env, names) as z.output<Schema>,
  ]);
  const secret = secretOf(settings);
  const bus = new Bus({
    url: settings.NATS_URL,
    login: settings,
    name: `entrepot-${service.name}`,
    keepsStreams: service.takesRequests ?? false,
    replicas: settings.ENTREPOT_NATS_REPLICAS,
  });
  const root: DynamicModule = {
    module: ServiceModule,
    imports: [
      LinksModule.overHttp(secret, serviceUrls(settings), service.face ? null : ownUrl(service.name, settings)),
      BusModule.of(bus),
      service.module(config),
    ],
  };
  const { ENTREPOT_LOG_LEVEL: level, ENTREPOT_LOG_FORMAT: format } = settings;
  const log = new ProgramLog({ level, format, service: service.name });
  ending.opened(await startTracing(`entrepot-${service.name}`));
  const app = await createApp(service, root, config, bus, log);
  ending.opened(() => app.close());
  if (!service.face) await serveCalls(service, app, settings, ending);
  ending.opened(() => giveNotice(service.name, settings.ENTREPOT_DRAIN_NOTICE_MS));
  // A start that cannot go on is one plain line; whoever reads lines of JSON from here on reads the last one too.
  voice.log = log;
}

/** Calls, health and figures at the internal address: what every service but the gateway has. */
async function serveCalls<Schema extends z.ZodObject>(
  { name }: Service<Schema>,
  app: INestApplicationContext,
  settings: ServiceConfig,
  ending: Ending,
): Promise<void> {
  const registry = app.get(CallRegistry);
  const readiness = new Readiness(needsOf(name, new InProcessCalls(registry), app.get(Calls)), app.get(Bus));
  const server = new CallServer(registry, secretOf(settings), openFace(readiness));
  const port = await server.listen(settings.ENTREPOT_INTERNAL_HOST, internalPort(name, settings));
  ending.opened(() => server.close(settings.ENTREPOT_DRAIN_MS));
  new Logger(name).log(`ready; internal calls at ${settings.ENTREPOT_INTERNAL_HOST}:${port}`);
}

/** What a service cannot work without: asked of this very process where that has it, whichever replica others reach. */
function needsOf(name: string, own: Calls, others: Calls): Record<string, Probe> {
  const database = () => own.ask(PingMetadata, {}).then(() => null);
  const store = () => own.ask(PingBlobs, {}).then(({ warning }) => warning);
  const metadata = () => others.ask(PingMetadata, {}).then(() => null);
  const blobs = () => others.ask(PingBlobs, {}).then(({ warning }) => warning);
  if (name === 'metadata') return { database };
  if (name === 'blobs') return { store };
  return name === 'gc' ? { metadata } : { metadata, blobs };
}

/** The first of the end: readiness is taken back, and whoever asks for it has time to see that. */
async function giveNotice(name: string, noticeMs: number): Promise<void> {
  beginDraining();
  new Logger(name).log('draining: it takes nothing more, and ends when what is under way has ended');
  await new Promise((resolve) => setTimeout(resolve, noticeMs));
}

async function createApp<Schema extends z.ZodObject>(
  service: Service<Schema>,
  root: DynamicModule,
  config: z.output<Schema>,
  bus: Bus,
  logger: ProgramLog,
): Promise<INestApplicationContext> {
  // A start that cannot go on is said by whoever runs the program, in one line.
  const options = { logger, abortOnError: false };
  if (service.face) {
    const { adapter, host, port } = service.face(config);
    const app = await NestFactory.create(root, adapter, options);
    await app.listen(port, host);
    new Logger(service.name).log(`ready; ${await app.getUrl()}`);
    return app;
  }
  if (service.takesRequests) {
    const app = await NestFactory.createMicroservice(root, {
      ...options,
      strategy: new JetStreamStrategy({ bus, service: service.name }),
    });
    await app.listen();
    return app;
  }
  return NestFactory.createApplicationContext(root, options);
}

function ownUrl(name: string, settings: ServiceConfig): string {
  return settings.ENTREPOT_REPLICA_URL ?? ownAddress(settings.ENTREPOT_INTERNAL_HOST, internalPort(name, settings));
}

function internalPort(name: string, settings: ServiceConfig): number {
  const own = new URL(serviceUrls(settings)[name as keyof ReturnType<typeof serviceUrls>]);
  return settings.ENTREPOT_INTERNAL_PORT ?? Number(own.port || 80);
}
