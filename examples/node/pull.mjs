// Has an image pulled by a message, and waits for the outcome. Usage: node pull.mjs REFERENCE
import { randomUUID } from 'node:crypto';
import { connect } from '@nats-io/transport-node';

const reference = process.argv[2] ?? 'alpine:3';
const id = randomUUID();
const bus = await connect({ servers: process.env.NATS_URL ?? 'nats://127.0.0.1:4222' });

// Listen before asking: the outcome is said once.
const outcomes = bus.subscribe('entrepot.outcome.anonymous.*', { timeout: 10 * 60_000 });
await bus.flush();
bus.publish(
  'entrepot.request.pull',
  JSON.stringify({
    specversion: '1.0',
    id,
    source: 'examples/node',
    type: 'dev.entrepot.request.pull.v1',
    data: { reference },
  }),
);

for await (const message of outcomes) {
  const { type, data } = message.json();
  if (data.request !== id) continue;
  if (type === 'dev.entrepot.fact.operation.completed.v1') {
    console.log(`${data.outcome.repository}@${data.outcome.digest}`);
  } else {
    console.error(data.error?.message ?? 'it was called off');
    process.exitCode = 1;
  }
  break;
}
await bus.close();
