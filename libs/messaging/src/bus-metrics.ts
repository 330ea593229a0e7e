import { counter, gauge } from '#telemetry/metrics';

export const handledMessages = counter(
  'entrepot_messages_total',
  'Messages taken from a stream, by how that ended: acknowledged, again (later), dead',
  ['stream', 'outcome'],
);

export const redeliveries = counter(
  'entrepot_redeliveries_total',
  'Messages that came again: whoever had them died, or could not do what they ask for',
  ['stream'],
);

export const published = counter(
  'entrepot_facts_published_total',
  'Facts that were stored in their stream, by what they tell',
  ['fact'],
);

export const isConnected = gauge('entrepot_bus_connected', 'Whether this process has a connection to NATS: 1 or 0');

export const reconnects = counter('entrepot_bus_connections_total', 'Connections to NATS that this process made');

export const streamMessages = gauge('entrepot_stream_messages', 'Messages in each stream', ['stream']);

export const streamBytes = gauge('entrepot_stream_bytes', 'Bytes in each stream', ['stream']);

export const deadLetters = gauge(
  'entrepot_dead_letters',
  'Messages that could not be handled and that nobody has replayed or dropped yet',
);

export const consumerLag = gauge(
  'entrepot_consumer_pending_messages',
  'Messages that a consumer has not been handed yet',
  ['stream', 'consumer'],
);

export const consumerUnacked = gauge(
  'entrepot_consumer_unacknowledged_messages',
  'Messages that a consumer was handed and that are not acknowledged yet',
  ['stream', 'consumer'],
);
