import { type ConsumerConfig, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';

const EXISTS_OTHERWISE = 10148;

export type DurableConsumer = Partial<ConsumerConfig> & { readonly durable_name: string };

/** Makes a consumer, or brings the one of that name to what is asked: an older version may have made it. */
export async function ensureConsumer(
  manager: JetStreamManager,
  stream: string,
  consumer: DurableConsumer,
): Promise<void> {
  try {
    await manager.consumers.add(stream, consumer);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== EXISTS_OTHERWISE) throw error;
    await manager.consumers.update(stream, consumer.durable_name, consumer);
  }
}
