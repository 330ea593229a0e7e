import 'reflect-metadata';
import { openUpstreams } from '#apps/fetcher/src/upstream/open-upstreams';
import { VERSION } from '#apps/gateway/src/version';
import { readFailpoints } from '#config/failpoint';
import { loadConfig } from '#config/load-config';
import { readAll } from '#config/read-all';
import { StartFault } from '#config/start-fault';
import { parseNatsUrl } from '#messaging/nats-address';
import { Ending } from '#service/ending';
import { growHeap } from '#service/grow-heap';
import { checkPort } from './check-port';
import { type DataFolder, openDataFolder } from './data-folder';
import { OWN_SETTINGS, openPlace, type Place } from './open-place';
import { readWarehouseSettings, settingNames } from './read-settings';
import { readyScreen } from './ready-screen';
import { forgetRunning, recordRunning } from './running.store';
import { type StandaloneConfig, StandaloneConfigSchema } from './standalone.config';
import { StartSteps } from './start-steps';
import { startWarehouse, type Warehouse } from './warehouse';
import { warehouseEnvironment } from './warehouse-environment';

const began = Date.now();
const say = (line: string) => void process.stdout.write(`${line}\n`);
const ending = new Ending((text) => process.stderr.write(`${text}\n`));

async function main(): Promise<void> {
  if (answerArguments()) return;
  const config = await readSettings();
  const steps = new StartSteps(say, Date.now);
  const folder = await steps.step(
    'data',
    () => openDataFolder(config.ENTREPOT_DATA),
    ({ path, created }) => `${path}${created ? ', made' : ''}`,
  );
  ending.opened(() => folder.release());
  await checkPort(config.ENTREPOT_HOST, config.ENTREPOT_PORT);
  const place = await openPlace(folder, config, process.env, steps, (close) => ending.opened(close));
  void place.servers.failed.then((fault) => ending.fail(fault));
  const warehouse = await openWarehouse(folder, config, place, steps);
  say(describeReady(folder, config, place, warehouse));
}

/** `npm start -- --help`: its settings are the environment's. Gives whether there is nothing more to do. */
function answerArguments(): boolean {
  const [argument] = process.argv.slice(2);
  if (argument === undefined) return false;
  if (argument !== '--help' && argument !== '-h')
    throw new StartFault(
      `npm start takes no arguments (${argument}): its settings are environment variables.\n${HELP}`,
    );
  say(HELP);
  return true;
}

const HELP = `npm start
  starts the whole of Entrepot in this process, with Postgres and nats-server beside it; Ctrl-C ends it.
  Settings are environment variables; these first, all of them in docs/reference/configuration.md:
${OWN_SETTINGS.map((name) => `    ${name.padEnd(20)} ${StandaloneConfigSchema.shape[name as keyof typeof StandaloneConfigSchema.shape].description}`).join('\n')}
npm run admin -- --help
  commands for the person who runs it`;

/** Every fault of every service is said before anything starts; the real places are known later. */
async function readSettings(): Promise<StandaloneConfig> {
  readFailpoints();
  const places = { databaseUrl: 'postgres://', blobsFolder: '.' };
  const [config, { fetcher }] = readAll([
    () => loadConfig(StandaloneConfigSchema, process.env, settingNames(OWN_SETTINGS)),
    () => readWarehouseSettings(warehouseEnvironment(process.env, places), OWN_SETTINGS),
  ]);
  await openUpstreams(fetcher);
  return config;
}

async function openWarehouse(
  folder: DataFolder,
  config: StandaloneConfig,
  { servers, settings }: Place,
  steps: StartSteps,
): Promise<Warehouse> {
  // What we started ourselves is one server, and its address says how to log in.
  const bus = config.NATS_URL === undefined ? {} : { login: config, replicas: config.ENTREPOT_NATS_REPLICAS };
  const secret = folder.secrets.capability;
  const surroundings = { settings, bus: { url: servers.natsUrl, ...bus }, secret };
  const warehouse = await steps.step(
    'services',
    () =>
      startWarehouse({
        ...surroundings,
        logLevel: config.ENTREPOT_LOG_LEVEL,
        logFormat: config.ENTREPOT_LOG_FORMAT,
        ownsDatabase: !config.DATABASE_URL,
      }),
    () => 'started',
  );
  ending.opened(() => warehouse.close());
  if (warehouse.migrated !== null) steps.note('database', warehouse.migrated);
  await recordRunning(folder.path, warehouse);
  ending.opened(() => forgetRunning(folder.path));
  return warehouse;
}

function describeReady(folder: DataFolder, config: StandaloneConfig, { servers }: Place, warehouse: Warehouse): string {
  const bus = {
    url: parseNatsUrl(servers.natsUrl).servers.join(', '),
    isOurs: config.NATS_URL === undefined,
    fault: warehouse.busFault,
  };
  const bold = process.stdout.isTTY === true;
  return readyScreen({
    version: VERSION,
    url: warehouse.url,
    bus,
    dataFolder: folder.path,
    tookMs: Date.now() - began,
    bold,
  });
}

growHeap();
ending.listen();
main().catch((error: unknown) => ending.fail(error));
