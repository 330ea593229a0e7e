import type { JetStreamManager } from '@nats-io/jetstream';
import { metricsText } from '#telemetry/metrics';
import { showBus } from './show-bus';

test('a consumer that is gone has no figures any more', async () => {
  let names = ['here', 'gone'];
  const manager = {
    streams: {
      info: async (name: string) => ({ config: { name }, state: { messages: 1, bytes: 2, consumer_count: 2 } }),
    },
    consumers: {
      async *list() {
        for (const name of names) yield { name, num_pending: 3, num_ack_pending: 4, config: { durable_name: name } };
      },
    },
  } as unknown as JetStreamManager;
  const stop = showBus({ keepsStreams: true, state: () => ({ connected: true }), manager: async () => manager });
  const shown = async (now: number) =>
    [
      ...(await metricsText(now)).matchAll(/^entrepot_consumer_\w+\{stream="ENTREPOT_REQUESTS",consumer="(\w+)"\}/gm),
    ].map(([, consumer]) => consumer);
  expect(await shown(10_000)).toEqual(['here', 'gone', 'here', 'gone']);
  names = ['here'];
  expect(await shown(20_000)).toEqual(['here', 'here']);
  stop();
});
