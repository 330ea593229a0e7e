import { join } from 'node:path';
import { MinioServer } from '#apps/blobs/src/driver/minio-server.testing';
import { throughServices } from '#apps/standalone/src/running-program';
import { CuttableProxy } from '#testing/cuttable-proxy';
import type { Settings } from '#testing/entrepot';
import { FiveServices, type OwnSettings, type ProcessName, SERVICES, TWINS } from '#testing/five-services';
import { Random } from '#testing/random';
import { KILLED, LONGER_THAN_LEASES, type Misfortune } from './misfortune';
import { Quarrels } from './quarrels';
import { SETTINGS, type Stage, tail } from './stage';

const PROCESSES: readonly ProcessName[] = [...SERVICES, ...TWINS];
/** Of the statements of everybody, and of the rows they change. */
const QUARRELS = 0.05;
const BUCKET = 'warehouse';
const WRONG_BY_MS = 10 * 60_000;

interface Parts {
  readonly services: FiveServices;
  readonly minio: MinioServer;
  readonly cuts: Readonly<Record<'postgres' | 'nats-server', CuttableProxy>>;
  readonly quarrels: Quarrels;
}

/**
 * Each service twice, on a MinIO, a Postgres and a nats-server of which any may die. The second metadata reaches
 * Postgres and the bus by lines that can be cut, and the clock of one process is wrong.
 */
export async function startFive(seed: number): Promise<Stage> {
  const minio = await MinioServer.start();
  const cuts: CuttableProxy[] = [];
  const own = async ({ postgres, nats }: { postgres: URL; nats: URL }): Promise<OwnSettings> => {
    for (const { port } of [postgres, nats]) cuts.push(await CuttableProxy.start(Number(port)));
    const [toPostgres, toNats] = cuts;
    postgres.port = String(toPostgres!.port);
    nats.port = String(toNats!.port);
    const lines = { DATABASE_URL: postgres.href, NATS_URL: nats.href };
    return withWrongClock(seed, { 'second metadata': lines });
  };
  const settings = { ...SETTINGS, ...minio.environment(BUCKET) };
  const services = await FiveServices.start(settings, { twins: true, own }).catch(async (error) => {
    await Promise.all([minio.stop(), ...cuts.map((cut) => cut.stop())]);
    throw error;
  });
  const [toPostgres, toNats] = cuts;
  const quarrels = await Quarrels.install(services.databaseUrl);
  return stageOf({ services, minio, cuts: { postgres: toPostgres!, 'nats-server': toNats! }, quarrels });
}

/** Whose, and whether it is ahead or behind, the seed says. */
function withWrongClock(seed: number, own: OwnSettings): OwnSettings {
  const random = Random.of(seed, 'clock');
  const name = random.pick(PROCESSES);
  const clock: Settings = {
    NODE_OPTIONS: `--require ${join(__dirname, 'shifted-clock.cjs')}`,
    CHAOS_CLOCK_MS: String(random.pick([-1, 1]) * WRONG_BY_MS),
  };
  return { ...own, [name]: { ...own[name], ...clock } };
}

function stageOf(parts: Parts): Stage {
  const { services, minio, cuts } = parts;
  const down = new Set<ProcessName>();
  const revive = (name: ProcessName) => {
    services.run(name);
    down.delete(name);
  };
  return {
    warehouse: services,
    urls: services.gateways,
    misfortunes: misfortunesOf(parts, down, revive),
    ended: () => PROCESSES.filter((name) => services.isOver(name) && !down.has(name)),
    revive: async (name) => revive(name as ProcessName),
    call: (run) => throughServices(services.environment, run),
    lose: async (keys) => void (await minio.client().removeObjects(BUCKET, [...keys])),
    lastLines: (of) =>
      PROCESSES.filter((name) => of === undefined || name === of)
        .map((name) => `${name}:\n${tail(services.logOf(name))}`)
        .join('\n'),
    async stop() {
      await services.stop();
      await Promise.all([minio.stop(), ...Object.values(cuts).map((cut) => cut.stop())]);
    },
  };
}

function misfortunesOf(
  { services, minio, cuts, quarrels }: Parts,
  down: Set<ProcessName>,
  revive: (name: ProcessName) => void,
): ReadonlyMap<string, Misfortune> {
  const killed = PROCESSES.map((name): [string, Misfortune] => {
    const begin = async () => {
      down.add(name);
      await services.kill9(name);
    };
    return [`${name} is killed`, { ...KILLED, begin, end: async () => revive(name) }];
  });
  const stopped = PROCESSES.map((name): [string, Misfortune] => {
    const send = (signal: NodeJS.Signals) => async () => services.signal(name, signal);
    return [`${name} stands still`, { ...LONGER_THAN_LEASES, begin: send('SIGSTOP'), end: send('SIGCONT') }];
  });
  const isCut = Object.entries(cuts).map(([name, proxy]): [string, Misfortune] => {
    const cut = { begin: async () => proxy.cut(), end: async () => proxy.mend() };
    return [`the second metadata is cut from ${name}`, { ...LONGER_THAN_LEASES, weight: 1, ...cut }];
  });
  const server = (name: 'postgres' | 'nats'): Misfortune => ({
    ...KILLED,
    begin: () => services.killServer(name),
    end: () => services.startServer(name),
  });
  return new Map<string, Misfortune>([
    ...killed,
    ['postgres is killed', server('postgres')],
    ['nats-server is killed', server('nats')],
    ['minio is killed', { ...KILLED, begin: () => minio.kill9(), end: () => minio.startAgain() }],
    ...stopped,
    ...isCut,
    [
      'postgres ends all connections',
      { ...KILLED, begin: () => quarrels.endConnections(), end: async () => undefined },
    ],
    [
      'postgres refuses what may be done again',
      { ...LONGER_THAN_LEASES, weight: 1, begin: () => quarrels.share(QUARRELS), end: () => quarrels.share(0) },
    ],
  ]);
}
