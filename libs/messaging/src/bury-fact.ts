import { durable } from '#config/failpoint';
import type { Bus } from './bus';
import { deadLetter } from './dead-letter';
import type { OutboxRow } from './outbox-rows';
import { DEAD_PREFIX, streamOf } from './streams';

/** Keeps a fact that no stream takes as a dead letter, cut to fit. Throws UNAVAILABLE. */
export async function buryFact(bus: Bus, { subject, message, messageId }: OutboxRow, reason: string): Promise<void> {
  const about = { subject, key: `outbox-${messageId}`, deliveries: 0, messageId, headers: () => ({}) };
  const maxPayload = bus.link.current()?.info?.max_payload ?? 0;
  const letter = deadLetter(Buffer.from(JSON.stringify(message)), about, reason, maxPayload);
  await durable('messaging.publish-dead-fact', () =>
    bus.store(`${DEAD_PREFIX}.${streamOf(subject)}`, letter.payload, letter.messageId, letter.headers),
  );
}
