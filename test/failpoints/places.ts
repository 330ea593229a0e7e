import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MinioServer } from '#apps/blobs/src/driver/minio-server.testing';
import { freePort } from '#children/free-port';
import { startNatsServer } from '#children/nats-server';
import { startPostgres } from '#children/postgres';
import { peer } from '#testing/peers';
import { RunningProgram } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { launchFive } from './five-program';
import { launchOne } from './one-program';
import { Victim, type VictimOptions } from './victim';

/** Where victims live, and on what; they do not start until they are told to. */
export interface Place {
  readonly victims: readonly Victim[];
  /** The folder of the MinIO that they share. */
  readonly minio?: string;
  close(): Promise<void>;
}

/** The smallest messages that JetStream itself can be spoken to with, in bytes. */
const SMALL_MESSAGE = 900;

const endAll = async (all: readonly Victim[]) => {
  await Promise.all(all.map((victim) => victim.end()));
};

/** One program, or five processes whose facts are looked for at the end: who is started again waits for the dead one's lease. */
const ONE: VictimOptions = { when: 'now', launch: launchOne };
const FIVE: VictimOptions = { when: 'late', launch: launchFive };

/** With nothing set: the folder store. */
const onFolder = (shape: VictimOptions, many: number) => async (): Promise<Place> => {
  const all = await Promise.all(Array.from({ length: many }, () => Victim.on(() => ({}), shape)));
  return { victims: all, close: () => endAll(all) };
};

const onS3 = (shape: VictimOptions, many: number) => async (): Promise<Place> => {
  const minio = await MinioServer.start();
  const all = await Promise.all(
    Array.from({ length: many }, (_, n) => Victim.on((folder) => minio.environment(`victim-${n}-${folder}`), shape)),
  );
  return {
    victims: all,
    async close() {
      await endAll(all);
      await minio.stop();
    },
  };
};

/** The database and the bus are somebody else's: no start may say that the leases of the dead are over. */
async function onSharedServers(): Promise<Place> {
  const folder = await tempFolder('shared');
  await chmod(folder, 0o711);
  const [postgres, nats] = await Promise.all([
    startPostgres({ folder: join(folder, 'postgres') }),
    startNatsServer({ folder: join(folder, 'nats'), binary: peer('nats-server') }),
  ]);
  const settings = { DATABASE_URL: postgres.url, NATS_URL: nats.url };
  const victim = await Victim.on(() => settings, { ...ONE, when: 'late', natsUrl: nats.anonymousUrl });
  return {
    victims: [victim],
    async close() {
      await victim.end();
      await Promise.all([postgres.stop(), nats.stop()]);
      await removeFolder(folder);
    },
  };
}

/** A bus that takes only small messages. */
const onSmallMessages = (shape: VictimOptions) => async (): Promise<Place> => {
  const folder = await tempFolder('nats');
  const port = await freePort();
  const config = join(folder, 'nats.conf');
  const store = JSON.stringify(join(folder, 'store'));
  await writeFile(
    config,
    `listen: "127.0.0.1:${port}"\nmax_payload: ${SMALL_MESSAGE}\njetstream { store_dir: ${store} }\n`,
  );
  const nats = new RunningProgram(peer('nats-server'), ['--config', config]);
  await nats.says(/Server is ready/);
  const all = [await Victim.on(() => ({ NATS_URL: `nats://127.0.0.1:${port}` }), { ...shape, when: 'never' })];
  return {
    victims: all,
    async close() {
      await endAll(all);
      await nats.stop('SIGKILL');
      await removeFolder(folder);
    },
  };
};

export const PLACES = {
  folder: onFolder(ONE, 3),
  s3: onS3(ONE, 1),
  'shared servers': onSharedServers,
  'small messages': onSmallMessages(ONE),
  'five services': onFolder(FIVE, 2),
  'five services on S3': onS3(FIVE, 1),
  'five services on small messages': onSmallMessages(FIVE),
};
export type PlaceName = keyof typeof PLACES;
