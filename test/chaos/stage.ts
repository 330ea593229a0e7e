import { MinioServer } from '#apps/blobs/src/driver/minio-server.testing';
import { throughRunning, throughServices } from '#apps/standalone/src/running-program';
import type { Calls } from '#calls/calls';
import { livingChildren } from '#testing/end-children';
import { Entrepot, type Settings, SHORT_TIMES } from '#testing/entrepot';
import { FiveServices, type ProcessName, SERVICES, TWINS } from '#testing/five-services';
import type { Warehouse } from '#testing/warehouse';

/** What runs, whoever of it can be killed, and how that is started again. */
export interface Stage {
  readonly warehouse: Warehouse;
  readonly urls: readonly string[];
  readonly victims: readonly string[];
  kill(victim: string): Promise<void>;
  /** Starts again what was killed. */
  revive(victim: string): Promise<void>;
  /** Who has ended without being killed: it is to be revived as after a kill. */
  ended(): readonly string[];
  call<T>(run: (calls: Calls) => Promise<T>): Promise<T>;
  lastLines(): string;
  stop(): Promise<void>;
}

/** What is removed can be had back until the end; all else that waits is short. */
const SETTINGS: Settings = {
  ...SHORT_TIMES,
  ENTREPOT_UNDO_MS: '7200000',
  ENTREPOT_PIN_MS: '2000',
  ENTREPOT_ATTEMPTS: '100',
  ENTREPOT_EXTENT_BYTES: String(1024 * 1024),
  ENTREPOT_FIRST_EXTENT_BYTES: String(256 * 1024),
  ENTREPOT_HOT_BLOB_BYTES: '4096',
  ENTREPOT_COMPOSE_SWEEP_MS: '500',
  ENTREPOT_TAG_TTL_MS: '500',
  ENTREPOT_S3_TIMEOUT_MS: '5000',
};

const LINES = 25;
const tail = (log: string) => log.split('\n').slice(-LINES).join('\n');

export const STAGES: Readonly<Record<'one' | 'five', () => Promise<Stage>>> = { one: startOne, five: startFive };

/** Each service twice, on a MinIO, a Postgres and a nats-server of which any may die. */
async function startFive(): Promise<Stage> {
  const minio = await MinioServer.start();
  const services = await FiveServices.start({ ...SETTINGS, ...minio.environment('warehouse') }, { twins: true }).catch(
    async (error) => {
      await minio.stop();
      throw error;
    },
  );
  const processes: readonly ProcessName[] = [...SERVICES, ...TWINS];
  const isProcess = (victim: string): victim is ProcessName => processes.includes(victim as ProcessName);
  const down = new Set<string>();
  return {
    warehouse: services,
    urls: services.gateways,
    victims: [...processes, 'postgres', 'nats-server', 'minio'],
    async kill(victim) {
      down.add(victim);
      if (isProcess(victim)) await services.kill9(victim);
      else if (victim === 'minio') await minio.kill9();
      else await services.killServer(victim === 'postgres' ? 'postgres' : 'nats');
    },
    async revive(victim) {
      if (isProcess(victim)) services.run(victim);
      else if (victim === 'minio') await minio.startAgain();
      else await services.startServer(victim === 'postgres' ? 'postgres' : 'nats');
      down.delete(victim);
    },
    ended: () => processes.filter((name) => services.isOver(name) && !down.has(name)),
    call: (run) => throughServices(services.environment, run),
    lastLines: () => processes.map((name) => `${name}:\n${tail(services.logOf(name))}`).join('\n'),
    async stop() {
      await services.stop();
      await minio.stop();
    },
  };
}

/** One process with its children: it ends when one of them does, and is started again as a service manager would. */
async function startOne(): Promise<Stage> {
  const entrepot = await Entrepot.start(SETTINGS);
  let isDown = false;
  let isOver = false;
  const watch = () => {
    isOver = false;
    void entrepot.exited.then(() => {
      isOver = true;
    });
  };
  watch();
  return {
    warehouse: entrepot,
    urls: [entrepot.url],
    victims: ['program', 'postgres', 'nats-server'],
    async kill(victim) {
      if (victim === 'program') {
        isDown = true;
        await entrepot.kill9();
        return;
      }
      const child = livingChildren(entrepot.data).find(({ name }) => name === victim);
      if (child) process.kill(child.pid, 'SIGKILL');
    },
    async revive(victim) {
      if (victim !== 'program') return;
      entrepot.relaunch();
      watch();
      isDown = false;
    },
    ended: () => (isOver && !isDown ? ['program'] : []),
    call: (run) => throughRunning(entrepot.data, run),
    lastLines: () => tail(entrepot.log),
    stop: () => entrepot.destroy(),
  };
}
