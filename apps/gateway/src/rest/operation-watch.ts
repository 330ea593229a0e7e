import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Calls } from '#calls/calls';
import { ListOperations, ReadOperation } from '#contracts/calls/operations';
import { isListed, type Operation } from '#contracts/operation';
import { Bus } from '#messaging/bus';
import { RegistryError } from '#oci/registry-error';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { EventStream } from './event-stream';
import { OperationNews } from './operation-news';
import { fingerprint, SeenOperations } from './seen-operations';

/** Between two looks at one operation, in milliseconds: messages come faster than anybody reads. */
const LOOK_PAUSE_MS = 200;

const COME_BACK_SECONDS = 10;

/** After an end of this gateway another is here soon. */
const RESTART_SECONDS = 1;

type ListQuestion = z.input<(typeof ListOperations)['question']>;

/** What messages about operations say and on which subjects; each only makes us look, the rows say how things are. */
const SUBJECTS = ['entrepot.progress.>', 'entrepot.fact.operation.>', 'entrepot.outcome.>'];

/** Operations as they go, by server-sent events. NATS wakes; where it is away, a slow look finds the same. */
@Injectable()
export class OperationWatch implements OnModuleInit, OnModuleDestroy {
  private readonly log = new Logger('Gateway');
  private readonly news = new OperationNews();
  private readonly subscriptions: (() => void)[] = [];
  private readonly streams = new Set<EventStream>();
  private isEnding = false;

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  onModuleInit(): void {
    for (const subject of SUBJECTS) {
      this.subscriptions.push(this.bus.subscribe(subject, (json, from) => this.news.hear(from, json)));
    }
  }

  /** The server closes after this, and waits for what is under way: no stream may be, or begin. */
  onModuleDestroy(): void {
    this.isEnding = true;
    for (const unsubscribe of this.subscriptions) unsubscribe();
    for (const stream of this.streams) stream.end('this gateway ends: connect again');
  }

  /** Sends the operation now and each time it changed, and ends when it has ended. UNAVAILABLE where too many watch. */
  follow({ id, principal }: Operation, reply: FastifyReply): void {
    const stream = this.open(reply);
    const seen = new SeenOperations();
    void this.watch(stream, id, async () => {
      const { operation } = await this.calls.ask(ReadOperation, { principal, id });
      if (operation) sendNews(stream, seen, [operation]);
      return operation === null || operation.endedAt !== null;
    });
  }

  /**
   * Sends what the question lists, the oldest first, then whatever changes, until the client hangs up. UNAVAILABLE
   * where too many watch.
   */
  followAll(question: ListQuestion, reply: FastifyReply): void {
    const stream = this.open(reply);
    const seen = new SeenOperations();
    void this.watch(stream, null, async (woken) => {
      const { operations } = await this.calls.ask(ListOperations, question);
      const listed = new Set(operations.map(({ id }) => id));
      const older = [...woken].filter((id) => !listed.has(id));
      for (const id of older) operations.push(...(await this.readListed(question, id)));
      sendNews(stream, seen, operations.reverse());
      return false;
    });
  }

  /** Each costs a connection and a look now and then, for as long as its client likes. */
  private open(reply: FastifyReply): EventStream {
    if (this.isEnding)
      throw new RegistryError('UNAVAILABLE', 'this gateway ends', { retryAfterSeconds: RESTART_SECONDS });
    const most = this.config.ENTREPOT_EVENT_STREAMS;
    if (this.streams.size < most) return new EventStream(reply);
    const message = `${most} watch already, as many as may at once: read it now and then, or come back later`;
    throw new RegistryError('UNAVAILABLE', message, { retryAfterSeconds: COME_BACK_SECONDS });
  }

  /** One that changed but is too old to be on the page. */
  private async readListed({ principal, kind }: ListQuestion, id: string): Promise<Operation[]> {
    const { operation } = await this.calls.ask(ReadOperation, { principal, id });
    return operation && isListed(operation, kind) ? [operation] : [];
  }

  /** Looks at once, then when told or after a while, until `look` says that all is said or nobody listens. */
  private async watch(
    stream: EventStream,
    operation: string | null,
    look: (woken: ReadonlySet<string>) => Promise<boolean>,
  ): Promise<void> {
    const ear = this.news.listen(operation);
    this.streams.add(stream);
    try {
      while (!stream.signal.aborted) {
        if (await this.looked(look, ear.take())) return;
        await ear.wait(LOOK_PAUSE_MS, this.config.ENTREPOT_WATCH_MS, stream.signal);
      }
    } finally {
      ear.close();
      this.streams.delete(stream);
      stream.end();
    }
  }

  /** What is away now may be back at the next look: the watcher is not sent away. */
  private async looked(
    look: (woken: ReadonlySet<string>) => Promise<boolean>,
    woken: ReadonlySet<string>,
  ): Promise<boolean> {
    try {
      return await look(woken);
    } catch (error) {
      this.log.debug(`a watched operation could not be read: ${String(error)}`);
      return false;
    }
  }
}

function sendNews(stream: EventStream, seen: SeenOperations, looked: readonly Operation[]): void {
  for (const operation of seen.takeNews(looked)) stream.send('operation', fingerprint(operation), operation);
}
