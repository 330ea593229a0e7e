import type { ConsumerInfo, JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { readWhenLooked } from '#telemetry/metrics';
import { consumerLag, consumerUnacked, deadLetters, isConnected, streamBytes, streamMessages } from './bus-metrics';
import { DEAD_STREAM, STREAMS } from './streams';

/** As much of the bus as its figures are read from. */
interface Shown {
  readonly keepsStreams: boolean;
  state(): { readonly connected: boolean };
  manager(): Promise<JetStreamManager>;
}

/** Has the figures of the bus read when somebody looks: those of the streams by the process that keeps them. Gives how to stop. */
export function showBus(bus: Shown): () => void {
  const forget = [
    readWhenLooked('bus', [isConnected], () => isConnected.set(bus.state().connected ? 1 : 0)),
    ...(bus.keepsStreams
      ? [
          readWhenLooked('streams', [streamMessages, streamBytes, deadLetters, consumerLag, consumerUnacked], () =>
            showStreams(bus),
          ),
        ]
      : []),
  ];
  return () => {
    for (const each of forget) each();
  };
}

async function showStreams(bus: Shown): Promise<void> {
  const manager = await bus.manager();
  const shown = await Promise.all(STREAMS.map(({ name }) => readStream(manager, name)));
  // A consumer that is gone has no figure any more.
  for (const each of [streamMessages, streamBytes, consumerLag, consumerUnacked]) each.reset();
  for (const { info, consumers } of shown) {
    const { name: stream } = info.config;
    streamMessages.set({ stream }, info.state.messages);
    streamBytes.set({ stream }, info.state.bytes);
    if (stream === DEAD_STREAM) deadLetters.set(info.state.messages);
    for (const { name: consumer, num_pending, num_ack_pending } of consumers) {
      consumerLag.set({ stream, consumer }, num_pending);
      consumerUnacked.set({ stream, consumer }, num_ack_pending);
    }
  }
}

/** Only lasting consumers are ours: what people and event streams read with has a name for each of them. */
async function readStream(manager: JetStreamManager, name: string) {
  const info: StreamInfo = await manager.streams.info(name);
  const consumers: ConsumerInfo[] = [];
  if (info.state.consumer_count > 0) {
    for await (const consumer of manager.consumers.list(name)) {
      if (consumer.config.durable_name !== undefined) consumers.push(consumer);
    }
  }
  return { info, consumers };
}
