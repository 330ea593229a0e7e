import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { ClaimFills, FailFill, type Fill, RenewFills } from '#contracts/calls/fills';
import { BlobWanted } from '#contracts/facts';
import { Bus } from '#messaging/bus';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { isRegistryError, toErrorEnvelope } from '#oci/registry-error';
import { inWork } from '#telemetry/in-work';
import { FETCHER_CONFIG, type FetcherConfig } from '../fetcher.config';
import { fillEnds, fillFailures, fillSeconds, fillsRunning } from '../fetcher-metrics';
import { Leases } from '../leases';
import { toOperationError } from '../operation-error';
import { WORKER } from '../worker';
import { decideFillEnd } from './decide-fill-end';
import { BlobFill } from './fill-blob';
import { Pace } from './pace';

interface Running {
  readonly pace: Pace;
  /** Aborted to give its place to another. */
  readonly stop: AbortController;
  ended: Promise<void>;
}

/**
 * Claims fills and carries them out: so many at once, so many of one upstream and so many of one repository. Of neither
 * are more claimed than may run, so that what waits here waits for a place and never for its own kind; and a fill that
 * hardly moves leaves its place to one that waits.
 */
@Injectable()
export class FillHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Fetcher');
  private readonly loop: WorkLoop;
  private readonly leases: Leases<Fill>;
  private readonly waiting: { fill: Fill; signal: AbortSignal }[] = [];
  private readonly running = new Map<Fill, Running>();
  private readonly mostPerUpstream: number;
  private unsubscribe = () => {};

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    private readonly blobs: BlobFill,
    @Inject(WORKER) private readonly worker: string,
    @Inject(FETCHER_CONFIG) private readonly config: FetcherConfig,
  ) {
    this.mostPerUpstream =
      config.ENTREPOT_FETCH_FILLS_PER_UPSTREAM ?? Math.max(1, Math.floor(config.ENTREPOT_FETCH_FILLS / 2));
    this.loop = new WorkLoop('Fetcher', config.ENTREPOT_FETCH_SWEEP_MS, () => this.claim());
    this.leases = new Leases('fill', this.log, (fills) => this.renew(fills), config.ENTREPOT_FETCH_RENEW_MS);
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
    const claimed = this.waiting.splice(0).map(({ fill }) => this.giveBack(fill, 'draining'));
    await Promise.all([...claimed, ...[...this.running.values()].map(({ ended }) => ended)]);
  }

  wake(): void {
    this.loop.wake();
  }

  private async claim(): Promise<Found> {
    const { ENTREPOT_FETCH_FILLS: most, ENTREPOT_FETCH_FILLS_PER_REPOSITORY: mostPerRepository } = this.config;
    const limit = most - this.running.size + this.slow().length - this.waiting.length;
    if (limit <= 0) return { nextInMs: null };
    const held = [...this.running.keys(), ...this.waiting.map(({ fill }) => fill)];
    const ofUpstreams = countBy(held, ({ source }) => source.upstream);
    const ofRepositories = countBy(held, ({ repository }) => repository);
    const { fills, nextInMs } = await this.calls.ask(ClaimFills, {
      worker: this.worker,
      limit,
      perUpstream: { most: this.mostPerUpstream, held: ofUpstreams.map(([upstream, fills]) => ({ upstream, fills })) },
      perRepository: {
        most: mostPerRepository,
        held: ofRepositories.map(([repository, fills]) => ({ repository, fills })),
      },
    });
    for (const fill of fills) this.waiting.push({ fill, signal: this.leases.hold(fill) });
    this.startWaiting();
    return fills.length > 0 ? 'more' : { nextInMs };
  }

  private startWaiting(): void {
    let leaving = [...this.running.values()].filter(({ stop }) => stop.signal.aborted).length;
    for (const next of [...this.waiting]) {
      if (this.running.size < this.config.ENTREPOT_FETCH_FILLS) {
        this.waiting.splice(this.waiting.indexOf(next), 1);
        this.start(next.fill, next.signal);
      } else if (leaving > 0) leaving -= 1;
      else this.slow()[0]?.stop.abort('slow');
    }
  }

  /** Those whose places others may have. */
  private slow(): Running[] {
    return [...this.running.values()].filter(({ pace, stop }) => pace.isSlow && !stop.signal.aborted);
  }

  private start(fill: Fill, lease: AbortSignal): void {
    const { ENTREPOT_FETCH_SLOW_BYTES_PER_S: floor, ENTREPOT_FETCH_SLOW_MS: windowMs } = this.config;
    const pace = new Pace((floor * windowMs) / 1000);
    const running: Running = { pace, stop: new AbortController(), ended: Promise.resolve() };
    this.running.set(fill, running);
    const watch = setInterval(() => {
      pace.judge();
      if (!pace.isSlow) return;
      this.startWaiting();
      this.wake();
    }, windowMs);
    const signal = AbortSignal.any([lease, running.stop.signal]);
    running.ended = inWork('fill', fill, () => this.run(fill, pace, signal)).finally(() => clearInterval(watch));
  }

  private async run(fill: Fill, pace: Pace, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    fillsRunning.inc();
    try {
      await this.blobs.run(fill, pace, signal);
      fillEnds.inc({ outcome: 'completed' });
      fillSeconds.observe((performance.now() - began) / 1000);
    } catch (error) {
      await this.end(fill, signal, error);
    } finally {
      fillsRunning.dec();
      this.leases.release(fill);
      this.running.delete(fill);
      this.startWaiting();
      this.wake();
    }
  }

  /** A fill that is no longer ours is somebody else's to end. */
  private async end(fill: Fill, signal: AbortSignal, error: unknown): Promise<void> {
    const isLost = signal.aborted ? signal.reason === 'lost' : isRegistryError(error, 'STALE');
    if (isLost) return fillEnds.inc({ outcome: 'lost' });
    if (signal.aborted) return this.giveBack(fill, signal.reason);
    const { id, epoch } = fill;
    const end = decideFillEnd(error, fill.attempts);
    fillEnds.inc({ outcome: end.temporary ? 'again' : 'failed' });
    fillFailures.inc({ reason: toErrorEnvelope(error).code });
    this.log.warn(`blob ${fill.digest} of ${fill.repository}: ${toErrorEnvelope(error).message}`);
    await this.report({ id, epoch, error: toOperationError(error), ...end });
  }

  private async giveBack({ id, epoch, source }: Fill, reason: 'draining' | 'slow'): Promise<void> {
    fillEnds.inc({ outcome: 'given-back' });
    const slow = `upstream ${source.upstream} sends so slowly that others go first: it goes on after them`;
    const message = reason === 'slow' ? slow : 'the fetcher stopped: another one goes on';
    const error = { code: 'UNAVAILABLE', message };
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

function countBy<Key>(fills: readonly Fill[], keyOf: (fill: Fill) => Key): [Key, number][] {
  const counts = new Map<Key, number>();
  for (const fill of fills) counts.set(keyOf(fill), (counts.get(keyOf(fill)) ?? 0) + 1);
  return [...counts];
}
