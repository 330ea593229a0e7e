import { findNatsServer } from '#children/find-nats-server';
import { type RunningNatsServer, startNatsServer } from '#children/nats-server';
import type { Children } from './children';
import type { DataFolder } from './data-folder';
import type { StartSteps } from './start-steps';

/** A nats-server on the data folder. */
export async function startNatsServerChild(
  folder: DataFolder,
  port: number,
  children: Children,
  steps: StartSteps,
): Promise<RunningNatsServer> {
  const say = () => steps.note('nats-server', 'there is none here that is new enough: fetching one');
  const work = async () => {
    const found = await findNatsServer(folder.bin, say);
    const server = await startNatsServer({ folder: folder.nats, port, binary: found.path, recorder: children });
    return { found, server };
  };
  const { server } = await steps.step('nats-server', work, ({ found }) => `${found.version} ${found.origin}, started`);
  return server;
}
