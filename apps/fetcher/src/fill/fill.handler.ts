import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { ClaimFills, FailFill, type Fill, RenewFills } from '#contracts/calls/fills';
import { BlobWanted } from '#contracts/facts';
import { Bus } from '#messaging/bus';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { isRegistryError, toErrorEnvelope } from '#oci/registry-error';
import { FETCHER_CONFIG, type FetcherConfig } from '../fetcher.config';
import { Leases } from '../leases';
import { toOperationError } from '../operation-error';
import { WORKER } from '../worker';
import { decideFillEnd } from './decide-fill-end';
import { BlobFill } from './fill-blob';

/** Claims fills and carries them out, so many at once, and so many of one repository. */
@Injectable()
export class FillHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Fetcher');
  private readonly loop: WorkLoop;
  private readonly leases: Leases<Fill>;
  private readonly waiting: { fill: Fill; signal: AbortSignal }[] = [];
  private readonly running = new Map<Fill, Promise<void>>();
  private unsubscribe = () => {};

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    private readonly blobs: BlobFill,
    @Inject(WORKER) private readonly worker: string,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {
    this.loop = new WorkLoop('Fetcher', config.ENTREPOT_FETCH_SWEEP_MS, () => this.claim());
    this.leases = new Leases(this.log, (fills) => this.renew(fills), config.ENTREPOT_FETCH_RENEW_MS);
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.subscribe(BlobWanted.subject, () => this.wake());
    this.loop.start();
  }

  /** Gives back what runs, for another fetcher to go on at the same byte. */
  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    await this.loop.stop();
    this.leases.stopAll('draining');
    const claimed = this.waiting.splice(0).map(({ fill }) => this.giveBack(fill));
    await Promise.all([...claimed, ...this.running.values()]);
  }

  wake(): void {
    this.loop.wake();
  }

  private async claim(): Promise<Found> {
    const most = this.config.ENTREPOT_FETCH_FILLS;
    const room = Math.min(most - this.running.size, 2 * most - this.leases.size);
    if (room <= 0) return { nextInMs: null };
    const { fills, nextInMs } = await this.calls.ask(ClaimFills, { worker: this.worker, limit: room });
    for (const fill of fills) this.waiting.push({ fill, signal: this.leases.hold(fill) });
    this.startWaiting();
    return fills.length > 0 ? 'more' : { nextInMs };
  }

  private startWaiting(): void {
    for (const next of [...this.waiting]) {
      if (this.running.size >= this.config.ENTREPOT_FETCH_FILLS) return;
      if (this.runningOf(next.fill) >= this.config.ENTREPOT_FETCH_FILLS_PER_REPOSITORY) continue;
      this.waiting.splice(this.waiting.indexOf(next), 1);
      this.running.set(next.fill, this.run(next.fill, next.signal));
    }
  }

  private runningOf({ repository }: Fill): number {
    return [...this.running.keys()].filter((fill) => fill.repository === repository).length;
  }

  private async run(fill: Fill, signal: AbortSignal): Promise<void> {
    try {
      await this.blobs.run(fill, signal);
    } catch (error) {
      await this.end(fill, signal, error);
    } finally {
      this.leases.release(fill);
      this.running.delete(fill);
      this.startWaiting();
      this.wake();
    }
  }

  /** A fill that is no longer ours is somebody else's to end. */
  private async end(fill: Fill, signal: AbortSignal, error: unknown): Promise<void> {
    if (signal.aborted) return signal.reason === 'draining' ? this.giveBack(fill) : undefined;
    if (isRegistryError(error, 'STALE')) return;
    const { id, epoch } = fill;
    const end = decideFillEnd(error, fill.attempts);
    this.log.warn(`blob ${fill.digest} of ${fill.repository}: ${toErrorEnvelope(error).message}`);
    await this.report({ id, epoch, error: toOperationError(error), ...end });
  }

  private async giveBack({ id, epoch }: Fill): Promise<void> {
    const error = { code: 'UNAVAILABLE', message: 'the fetcher stopped: another one goes on' };
    await this.report({ id, epoch, error, temporary: true, retryAfterMs: 0, giveBack: true });
  }

  /** What cannot be said is found out when the lease runs out. */
  private async report(question: Parameters<typeof this.calls.ask<typeof FailFill>>[1]): Promise<void> {
    await this.calls.ask(FailFill, question).catch((error: Error) => {
      if (!isRegistryError(error, 'STALE')) this.log.warn(`cannot report a fill: ${error.message}`);
    });
  }

  private async renew(fills: { id: string; epoch: number }[]) {
    const { renewed } = await this.calls.ask(RenewFills, { fills });
    return { lost: fills.map(({ id }) => id).filter((id) => !renewed.includes(id)), cancelled: [] };
  }
}
