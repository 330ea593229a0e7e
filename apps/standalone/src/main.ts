import 'reflect-metadata';
import { openUpstreams } from '#apps/fetcher/src/upstream/open-upstreams';
import { VERSION } from '#apps/gateway/src/version';
import { readFailpoints } from '#config/failpoint';
import { loadConfig } from '#config/load-config';
import { readAll } from '#config/read-all';
import { parseNatsUrl } from '#messaging/nats-address';
import { Ending } from '#service/ending';
import { growHeap } from '#service/grow-heap';
import { checkPort } from './check-port';
import { Children } from './children';
import { openDataFolder } from './data-folder';
import { readWarehouseSettings, settingNames } from './read-settings';
import { readyScreen } from './ready-screen';
import { forgetRunning, recordRunning } from './running.store';
import { StandaloneConfigSchema } from './standalone.config';
import { startServers } from './start-servers';
import { StartSteps } from './start-steps';
import { startWarehouse } from './warehouse';
import { warehouseEnvironment } from './warehouse-environment';

const began = Date.now();
const say = (line: string) => void process.stdout.write(`${line}\n`);
const ending = new Ending((text) => process.stderr.write(`${text}\n`));

async function main(): Promise<void> {
  const names = Object.keys(StandaloneConfigSchema.shape);
  readFailpoints();
  // Every fault of every service is said before anything starts; the real places are known later.
  const places = { databaseUrl: 'postgres://', blobsFolder: '.' };
  const [config, { fetcher }] = readAll([
    () => loadConfig(StandaloneConfigSchema, process.env, settingNames(names)),
    () => readWarehouseSettings(warehouseEnvironment(process.env, places), names),
  ]);
  await openUpstreams(fetcher);
  const steps = new StartSteps(say, Date.now);
  const folder = await steps.step(
    'data',
    () => openDataFolder(config.ENTREPOT_DATA),
    ({ path, created }) => `${path}${created ? ', made' : ''}`,
  );
  ending.opened(() => folder.release());
  await checkPort(config.ENTREPOT_HOST, config.ENTREPOT_PORT);
  const children = new Children(folder.path);
  ending.opened(() => children.end());
  const servers = await startServers(folder, children, config, steps);
  ending.opened(() => servers.stop());
  void servers.failed.then((fault) => ending.fail(fault));
  const environment = warehouseEnvironment(process.env, {
    databaseUrl: servers.databaseUrl,
    blobsFolder: folder.blobs,
  });
  const settings = readWarehouseSettings(environment, names);
  const surroundings = { settings, natsUrl: servers.natsUrl, secret: folder.secrets.capability };
  const warehouse = await steps.step(
    'services',
    () => startWarehouse({ ...surroundings, logLevel: config.ENTREPOT_LOG_LEVEL, ownsDatabase: !config.DATABASE_URL }),
    () => 'started',
  );
  ending.opened(() => warehouse.close());
  await recordRunning(folder.path, warehouse);
  ending.opened(() => forgetRunning(folder.path));
  const bold = process.stdout.isTTY === true;
  const tookMs = Date.now() - began;
  const bus = {
    url: parseNatsUrl(servers.natsUrl).servers.join(', '),
    isOurs: config.NATS_URL === undefined,
    fault: warehouse.busFault,
  };
  say(readyScreen({ version: VERSION, url: warehouse.url, bus, dataFolder: folder.path, tookMs, bold }));
}

growHeap();
ending.listen();
main().catch((error: unknown) => ending.fail(error));
