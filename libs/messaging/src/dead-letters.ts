import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { durable } from '#config/failpoint';
import { REQUEST_STREAM } from '#contracts/requests';
import { conflict, isRegistryError, notFound, unavailable } from '#oci/registry-error';
import type { Bus } from './bus';
import { DEAD } from './dead-letter';
import { REQUEST_ID_HEADER } from './delivery';
import { DEAD_PREFIX, DEAD_STREAM } from './streams';

/** A message that could not be handled, as a person looks at it. */
export interface DeadMessage {
  /** Its number among the dead letters: what `read`, `replay` and `drop` take. */
  readonly sequence: number;
  /** Where it was published, and the stream that kept it. */
  readonly subject: string;
  readonly stream: string;
  /** Names it among all messages there ever were. */
  readonly key: string;
  readonly reason: string;
  readonly deliveries: number;
  readonly diedAt: Date;
  /** The id it was published under, if it had one. */
  readonly messageId: string | null;
  readonly headers: Record<string, string[]>;
  readonly payload: Uint8Array;
  /** The bytes it had, where it was cut to fit beside its reason; such a one cannot be replayed. */
  readonly cutFrom: number | null;
}

/** Looks into, sends again and throws away what could not be handled. Every call throws UNAVAILABLE without NATS. */
export class DeadLetters {
  constructor(private readonly bus: Bus) {}

  /** Oldest first; `after` is the last sequence of the page before. */
  async list(after = 0, limit = 100): Promise<DeadMessage[]> {
    const found: DeadMessage[] = [];
    for (let from = after + 1; found.length < limit; ) {
      const next = await this.next(from);
      if (!next) break;
      found.push(toDeadMessage(next));
      from = next.seq + 1;
    }
    return found;
  }

  /** Throws NOT_FOUND. */
  async read(sequence: number): Promise<DeadMessage> {
    const stored = await this.next(sequence);
    if (stored?.seq !== sequence) throw notFound(`dead letter ${sequence}`);
    return toDeadMessage(stored);
  }

  /**
   * Publishes it again as it came, under the id it had, and drops it once that is stored. It may come twice if this
   * is interrupted between the two: then it has the same id both times, and a fact is stored once by it, as when its
   * relay sends it again. Throws NOT_FOUND, and CONFLICT where its payload was cut.
   */
  async replay(sequence: number): Promise<void> {
    const dead = await this.read(sequence);
    if (dead.cutFrom !== null)
      throw conflict(`dead letter ${sequence} was cut from ${dead.cutFrom} bytes: ${remedy(dead)}`);
    const { messageId, own } = sendAgain(dead);
    await durable('messaging.publish-replay', () => this.bus.store(dead.subject, dead.payload, messageId, own));
    await this.drop(sequence);
  }

  /** Throws NOT_FOUND where it is gone already. */
  async drop(sequence: number): Promise<void> {
    await this.read(sequence);
    await this.ask((manager) =>
      durable('messaging.drop-dead-letter', () => manager.streams.deleteMessage(DEAD_STREAM, sequence)),
    );
  }

  private next(from: number): Promise<StoredMsg | null> {
    const query = { seq: from, next_by_subj: `${DEAD_PREFIX}.>` };
    return this.ask((manager) => manager.direct.getMessage(DEAD_STREAM, query));
  }

  private async ask<T>(run: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    try {
      return await run(await this.bus.manager());
    } catch (error) {
      throw isRegistryError(error) ? error : unavailable('NATS', 1, error);
    }
  }
}

const isRequest = ({ stream }: DeadMessage): boolean => stream === REQUEST_STREAM;

const remedy = (dead: DeadMessage): string =>
  isRequest(dead) ? 'publish the original again' : 'what it tells of has happened all the same, and is read by the API';

/**
 * A request's id may stand beside another body under the same `Nats-Msg-Id`, so it travels in a header of ours. A fact's
 * is its own for ever: its stream stores it once, and its readers see what they would have seen.
 */
function sendAgain(dead: DeadMessage): { messageId: string; own?: MsgHdrs } {
  if (!isRequest(dead) && dead.messageId !== null) return { messageId: dead.messageId };
  const own = headers();
  own.set(REQUEST_ID_HEADER, encodeURIComponent(dead.messageId ?? `message-${dead.key}`));
  return { messageId: `replay-${dead.sequence}-${dead.diedAt.getTime()}`, own };
}

function toDeadMessage(stored: StoredMsg): DeadMessage {
  const text = (name: string) => stored.header.get(name);
  const [stream = ''] = stored.subject.split('.').slice(-1);
  return {
    sequence: stored.seq,
    subject: text(DEAD.subject),
    stream,
    key: text(DEAD.key),
    reason: text(DEAD.reason),
    deliveries: Number(text(DEAD.deliveries)),
    diedAt: stored.time,
    messageId: text(DEAD.messageId) ? decodeURIComponent(text(DEAD.messageId)) : null,
    headers: text(DEAD.headers) ? JSON.parse(text(DEAD.headers)) : {},
    payload: stored.data,
    cutFrom: text(DEAD.cutFrom) ? Number(text(DEAD.cutFrom)) : null,
  };
}
