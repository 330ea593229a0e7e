import { JetStreamApiError, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream';
import { REQUEST_STREAM } from '#contracts/requests';
import { STREAMS } from './streams';

const NOT_FOUND = 10059;

/** What of the streams is not as this program makes them, each in a line. Throws where the server does not answer. */
export async function checkStreams(manager: JetStreamManager, replicas: number): Promise<string[]> {
  const faults: string[] = [];
  for (const definition of STREAMS) {
    const found = await readStream(manager, definition.name);
    if (found === null) faults.push(`${definition.name} is not there`);
    else faults.push(...compare(found.config, { ...definition, num_replicas: replicas }));
    if (found?.consumers === 0 && definition.name === REQUEST_STREAM)
      faults.push(`${definition.name} has no consumer: nobody takes requests in`);
  }
  return faults;
}

async function readStream(
  manager: JetStreamManager,
  name: string,
): Promise<{ config: StreamConfig; consumers: number } | null> {
  try {
    const { config, state } = await manager.streams.info(name);
    return { config, consumers: state.consumer_count };
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NOT_FOUND) return null;
    throw error;
  }
}

/** What the server was not told it has chosen itself. */
function compare(found: StreamConfig, wanted: Partial<StreamConfig>): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const has = found[key as keyof StreamConfig];
    if (JSON.stringify(has) === JSON.stringify(value)) return [];
    return [`${found.name} has ${key} ${JSON.stringify(has ?? null)}, and should have ${JSON.stringify(value)}`];
  });
}
