import { AckPolicy, DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { CustomTransportStrategy, MessageHandler } from '@nestjs/microservices';
import { Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Bus } from './bus';
import { ConsumerLoop } from './consumer-loop';
import { Delivery } from './delivery';
import { PATIENCE, type Patience } from './judge-failure';
import { streamOf } from './streams';

/** A handler that works says so every third of it; what a killed process had in its hands comes again after it. */
const ACK_WAIT_MS = 10_000;

/** `@EventPattern('entrepot.request.>', JETSTREAM)`: without it a handler is bound to every transport there is. */
export const JETSTREAM = Symbol('jetstream');

export interface JetStreamOptions {
  readonly bus: Bus;
  /** Part of each consumer's name: all replicas of a service share its messages. */
  readonly service: string;
  /** How long a message stays with a process that says nothing more, in milliseconds. */
  readonly ackWaitMs?: number;
  /** Messages handled at once by this process, for each pattern. */
  readonly atOnce?: number;
  readonly patience?: Patience;
}

/**
 * Nest's transport over JetStream: one durable pull consumer for each handler's pattern. A message is acknowledged
 * after its handler succeeded, delivered again later where it failed, and kept as a dead letter where it never can.
 * Handlers must be idempotent: a message may come twice.
 */
export class JetStreamStrategy extends Server implements CustomTransportStrategy {
  override readonly transportId = JETSTREAM;
  /** Failures are ours to judge, and to log. */
  override readonly propagatesEventHandlerErrors = true;
  private loops: ConsumerLoop[] = [];

  constructor(private readonly options: JetStreamOptions) {
    super();
  }

  listen(callback: () => void): void {
    this.loops = [...this.messageHandlers].map(([pattern, handler]) => this.loop(pattern, handler));
    for (const loop of this.loops) loop.start();
    callback();
  }

  /** Takes no more messages, gives back those it has not begun, and waits for the others. */
  async close(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop()));
    this.loops = [];
  }

  on(): never {
    throw new Error('the JetStream transport has no events: ask the bus for its state');
  }

  unwrap<T>(): T {
    return this.options.bus as T;
  }

  private loop(pattern: string, handler: MessageHandler): ConsumerLoop {
    const stream = streamOf(pattern);
    if (!stream) throw new Error(`no stream keeps ${pattern}`);
    const { bus, service, ackWaitMs = ACK_WAIT_MS, atOnce = 16, patience = PATIENCE } = this.options;
    const consumer = {
      durable_name: consumerName(service, pattern),
      filter_subject: pattern,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(ackWaitMs),
      max_ack_pending: 1_000,
      // Ours to count: the server would let a message go without a word.
      max_deliver: -1,
    };
    const handle = (message: JsMsg) => this.handle(handler, message);
    return new ConsumerLoop({ bus, stream, consumer, ackWaitMs, atOnce, patience, handle });
  }

  private async handle(handler: MessageHandler, message: JsMsg): Promise<void> {
    const delivery = new Delivery([message]);
    const ended = () => this.onProcessingEndHook?.(JETSTREAM, delivery);
    await this.onProcessingStartHook(JETSTREAM, delivery, async () => {
      try {
        const result: unknown = await handler(message.data, delivery);
        if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
      } finally {
        ended();
      }
    });
  }
}

/** Consumer names are one token: no dots, stars or arrows. */
function consumerName(service: string, pattern: string): string {
  return `${service}-${pattern.replace(/>/g, 'all').replace(/\*/g, 'any').replace(/\./g, '-')}`;
}
