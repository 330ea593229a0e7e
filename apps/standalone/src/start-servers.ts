import { ChildFault, describeExit } from '#children/child-process';
import type { Child } from '#children/start-child';
import type { Children } from './children';
import type { DataFolder } from './data-folder';
import { explainServerFault } from './explain-server-fault';
import type { StandaloneConfig } from './standalone.config';
import { startNatsServerChild } from './start-nats-server-child';
import { startPostgresChild } from './start-postgres-child';
import type { StartSteps } from './start-steps';

export interface Servers {
  readonly databaseUrl: string;
  /** With the rights of the services. */
  readonly natsUrl: string;
  /** For anybody; undefined when the bus is somebody else's. */
  readonly anonymousNatsUrl: string | undefined;
  /** Holds the key that lets in users of the bus; undefined when the bus is somebody else's. */
  readonly issuerFile: string | undefined;
  /** Resolves when one has ended that was not asked to: nothing goes on without it, and the next start mends it. */
  readonly failed: Promise<ChildFault>;
  /** The bus first, then the database: whoever still works needs the database longest. */
  stop(): Promise<void>;
}

/** Ends what an earlier start left, then starts the servers that the settings do not name. Throws StartFault. */
export async function startServers(
  folder: DataFolder,
  children: Children,
  config: StandaloneConfig,
  steps: StartSteps,
): Promise<Servers> {
  const left = await children.stopAll();
  if (left.length > 0) steps.note('left over', `ended ${left.map(({ name, pid }) => `${name} (${pid})`).join(', ')}`);
  const { NATS_URL, DATABASE_URL, ENTREPOT_NATS_PORT } = config;
  const [postgres, nats] = await Promise.allSettled([
    DATABASE_URL ? undefined : startPostgresChild(folder, children, steps),
    NATS_URL ? undefined : startNatsServerChild(folder, ENTREPOT_NATS_PORT, children, steps),
  ]);
  const fault = [postgres, nats].find((start) => start.status === 'rejected');
  if (fault) {
    await children.stopAll();
    throw explainServerFault(folder.path, fault.reason);
  }
  const database = postgres.status === 'fulfilled' ? postgres.value : undefined;
  const bus = nats.status === 'fulfilled' ? nats.value : undefined;
  return {
    databaseUrl: database?.url ?? DATABASE_URL ?? '',
    natsUrl: bus?.url ?? NATS_URL ?? '',
    anonymousNatsUrl: bus?.anonymousUrl,
    issuerFile: bus?.issuerFile,
    ...watch([bus, database].filter((child) => child !== undefined)),
  };
}

function watch(running: readonly Child[]): Pick<Servers, 'failed' | 'stop'> {
  let stopping = false;
  const failed = new Promise<ChildFault>((resolve) => {
    for (const child of running) void child.fellSilent.then(async () => stopping || resolve(await faultOf(child)));
  });
  const stop = async () => {
    stopping = true;
    for (const child of running) await child.stop();
  };
  return { failed, stop };
}

/** What was killed had no time to say why. */
async function faultOf(child: Child): Promise<ChildFault> {
  const exit = await child.exited;
  const what = `${child.name} ended while Entrepot ran (${describeExit(exit)}), so Entrepot ends. Start it again: nothing is lost.`;
  if (exit.signal === 'SIGKILL')
    return new ChildFault(`${what} If nobody killed it, the machine ran out of memory.`, []);
  return new ChildFault(`${what} It said:`, child.lastLines());
}
