import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { Logger } from '@nestjs/common';
import { durable } from '#config/failpoint';
import { inWork } from '#telemetry/in-work';
import type { Bus } from './bus';
import { handledMessages, redeliveries } from './bus-metrics';
import { deadLetter } from './dead-letter';
import { Delivery } from './delivery';
import { type DurableConsumer, ensureConsumer } from './ensure-consumer';
import { judgeFailure, type Patience } from './judge-failure';
import { LastingFault } from './lasting-fault';
import { Pause } from './pause';
import { DEAD_PREFIX } from './streams';

export interface ConsumerLoopOptions {
  readonly bus: Bus;
  readonly stream: string;
  readonly consumer: DurableConsumer;
  readonly ackWaitMs: number;
  readonly atOnce: number;
  readonly patience: Patience;
  readonly handle: (message: JsMsg) => Promise<void>;
}

const RETRY_MS = 500;
/** Short, so that a consumer that vanished without a word is missed soon: twice half of it. */
const PULL_EXPIRES_MS = 10_000;
const FLUSH_MS = 1_000;

/** Consumes for ever: over restarts of the server, and over a store that was wiped, when it makes its consumer anew. */
export class ConsumerLoop {
  private readonly log = new Logger('JetStream');
  private readonly fault = new LastingFault(this.log);
  private readonly pause = new Pause();
  private readonly busy = new Set<Promise<void>>();
  private readonly unbegun: JsMsg[] = [];
  private readonly closed = signal();
  private messages: ConsumerMessages | null = null;
  private running: Promise<void> | null = null;

  constructor(private readonly options: ConsumerLoopOptions) {}

  start(): void {
    const { link } = this.options.bus;
    const forget = link.onConnect(() => this.pause.wake());
    this.running = this.run().finally(forget);
  }

  /**
   * Takes no more, gives back what was delivered but not begun, and waits for the rest. What is on the wire is waited
   * for first: the server would believe it to be in our hands. Until the pull has ended nothing is looked at, or more
   * would be pulled and come to nobody; and nothing is given back, or it would come to us again and again, and each
   * time count as a delivery.
   */
  async stop(): Promise<void> {
    this.pause.end();
    await Promise.race([
      this.options.bus.link.current()?.flush(),
      new Promise((done) => setTimeout(done, FLUSH_MS).unref()),
    ]);
    void this.messages?.close();
    this.closed.resolve();
    await this.running;
    for (const message of this.unbegun) tell(() => message.nak());
    await Promise.all(this.busy);
  }

  private async run(): Promise<void> {
    while (!this.pause.ended) {
      try {
        await this.consume();
      } catch (error) {
        if (this.options.bus.state().connected) this.fault.warn(`${this.options.stream}: ${(error as Error).message}`);
      }
      await this.pause.for(RETRY_MS);
    }
  }

  private async consume(): Promise<void> {
    const { bus, stream, consumer, atOnce } = this.options;
    await bus.ensureStreams();
    const manager = await bus.manager();
    await ensureConsumer(manager, stream, consumer);
    const pulled = await bus.jetStream().consumers.get(stream, consumer.durable_name);
    this.messages = await pulled.consume({
      max_messages: atOnce,
      expires: PULL_EXPIRES_MS,
      abort_on_missing_resource: true,
    });
    this.fault.over();
    if (this.pause.ended) void this.messages.close();
    for await (const message of this.messages) await this.begin(message);
  }

  /** Waits for a free place before it answers: no more is pulled than is handled. */
  private async begin(message: JsMsg): Promise<void> {
    if (this.pause.ended) return this.leave(message);
    const handling = this.settle(message).finally(() => this.busy.delete(handling));
    this.busy.add(handling);
    if (this.busy.size >= this.options.atOnce) await Promise.race([...this.busy, this.closed.promise]);
    if (this.pause.ended) await this.closed.promise;
  }

  private async leave(message: JsMsg): Promise<void> {
    await this.closed.promise;
    this.unbegun.push(message);
  }

  private async settle(message: JsMsg): Promise<void> {
    const { stream } = this.options;
    if (message.info.deliveryCount > 1) redeliveries.inc({ stream });
    const working = setInterval(() => tell(() => message.working()), this.options.ackWaitMs / 3);
    try {
      const traceparent = message.headers?.get('traceparent');
      await inWork(`receive ${stream}`, { traceparent }, () => this.options.handle(message));
      await durable('messaging.ack-message', async () => message.ack());
      handledMessages.inc({ stream, outcome: 'acknowledged' });
    } catch (error) {
      await this.fail(message, error);
    } finally {
      clearInterval(working);
    }
  }

  private async fail(message: JsMsg, error: unknown): Promise<void> {
    const judgement = judgeFailure(error, message.info.deliveryCount, this.options.patience);
    handledMessages.inc({ stream: this.options.stream, outcome: judgement.kind });
    if (judgement.kind === 'again') {
      this.log.warn(`${message.subject} #${message.seq} again in ${judgement.delayMs} ms: ${(error as Error).message}`);
      return tell(() => message.nak(judgement.delayMs));
    }
    try {
      await this.bury(message, judgement.reason);
      await durable('messaging.end-message', async () => message.term());
    } catch (fault) {
      this.log.error(`no dead letter for ${message.subject} #${message.seq}: ${(fault as Error).message}`);
      tell(() => message.nak(this.options.patience.longestDelayMs));
    }
  }

  private async bury(message: JsMsg, reason: string): Promise<void> {
    const { bus, stream } = this.options;
    const maxPayload = bus.link.current()?.info?.max_payload ?? 0;
    const letter = deadLetter(message.data, new Delivery([message]), reason, maxPayload);
    this.log.warn(`${message.subject} #${message.seq} is a dead letter: ${reason}`);
    await durable('messaging.publish-dead-letter', () =>
      bus.store(`${DEAD_PREFIX}.${stream}`, letter.payload, letter.messageId, letter.headers),
    );
  }
}

/** A connection that has just closed takes nothing more, and is no end of this process: what the server is not told it finds out in time. */
function tell(say: () => void): void {
  try {
    say();
  } catch {
    // Nobody can be told.
  }
}

function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
