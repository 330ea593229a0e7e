import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Logger } from '@nestjs/common';
import { OperationCancelled, OperationCompleted, OperationFailed } from '#contracts/facts';
import { buryFact } from './bury-fact';
import type { Bus } from './bus';
import { published } from './bus-metrics';
import type { OutboxRow, OutboxRows } from './outbox-rows';
import { PoisonMessage } from './poison-message';
import { OUTCOME_PREFIX } from './streams';
import { WorkLoop } from './work-loop';

export interface RelayTimes {
  readonly leaseMs: number;
  readonly sweepMs: number;
}

const TIMES: RelayTimes = { leaseMs: 30_000, sweepMs: 2_000 };
const PAGE = 100;
/** Between replicas: somebody committed facts, and whoever holds their partition should look. */
const WAKE = 'entrepot.wake.outbox';
/** A publish begun before the lease ended may still arrive this much later. */
const PUBLISH_MARGIN = 0.25;

const ENDS: ReadonlySet<string> = new Set(
  [OperationCompleted, OperationFailed, OperationCancelled].map((f) => f.subject),
);

/**
 * Publishes committed facts, each partition in order and by the holder of its lease only; a row goes once its fact is
 * stored. A crash between the two publishes it again under the same id, which the stream stores once. Without NATS it
 * waits: the rows are the truth.
 */
export class OutboxRelay {
  private readonly log = new Logger('Outbox');
  private readonly worker = randomUUID();
  private readonly loop: WorkLoop;
  private readonly forget: (() => void)[] = [];
  private held: number[] = [];
  private renewAt = 0;
  private sureUntil = 0;

  constructor(
    private readonly bus: Bus,
    private readonly rows: OutboxRows,
    private readonly times: RelayTimes = TIMES,
  ) {
    this.loop = new WorkLoop('Outbox', times.sweepMs, () => this.look());
  }

  start(): void {
    const wakeAll = () => {
      this.loop.wake();
      this.bus.publish(WAKE, {});
    };
    this.forget.push(
      this.rows.onWritten(wakeAll),
      this.bus.subscribe(WAKE, () => this.loop.wake()),
      this.bus.link.onConnect(() => this.loop.wake()),
    );
    this.loop.start();
  }

  /** Ends the publish under way and gives back the partitions. */
  async stop(): Promise<void> {
    for (const forget of this.forget) forget();
    this.sureUntil = 0;
    await this.loop.stop();
    await this.rows.release(this.worker).catch((error: Error) => this.log.warn(error.message));
  }

  private async look() {
    if (!this.bus.state().connected) return { nextInMs: null };
    await this.hold();
    const more = await Promise.all(this.held.map((partition) => this.relay(partition)));
    return more.includes(true) ? ('more' as const) : { nextInMs: null };
  }

  /** What this process believes of its lease is never longer than what the database says. */
  private async hold(): Promise<void> {
    const now = performance.now();
    if (now < this.renewAt) return;
    this.held = await this.rows.hold(this.worker, this.times.leaseMs);
    this.renewAt = now + this.times.leaseMs / 3;
    this.sureUntil = now + this.times.leaseMs * (1 - PUBLISH_MARGIN);
  }

  /** Whether more may be waiting. */
  private async relay(partition: number): Promise<boolean> {
    const page = await this.rows.read(partition, PAGE);
    const stored: string[] = [];
    try {
      for (const row of page) {
        if (performance.now() > this.sureUntil) break;
        await this.publish(row);
        stored.push(row.id);
      }
    } finally {
      if (stored.length > 0) await this.rows.remove(stored);
    }
    return page.length === PAGE;
  }

  private async publish(row: OutboxRow): Promise<void> {
    await this.store(row);
    published.inc({ fact: row.subject.replace(/^entrepot\.fact\./, '') });
    if (!ENDS.has(row.subject)) return;
    const { principal, operation } = row.message.data as { principal: string; operation: string };
    const subject = `${OUTCOME_PREFIX}.${principal}.${operation}`;
    await this.store({ ...row, subject, messageId: `outcome-${row.messageId}` });
  }

  /** One that can never be stored must not hold up those behind it. */
  private async store(row: OutboxRow): Promise<void> {
    try {
      await this.bus.publishDurable(row.subject, row.message, row.messageId);
    } catch (error) {
      if (!(error instanceof PoisonMessage)) throw error;
      this.log.error(`a fact is a dead letter: ${error.message}`);
      await buryFact(this.bus, row, error.message);
    }
  }
}
