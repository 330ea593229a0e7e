import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { ClaimComposings, FailComposing, RenewComposings, SwapObject } from '#contracts/calls/composing';
import type { AnswerOf } from '#contracts/define-call';
import { BlobStored } from '#contracts/facts';
import { Bus } from '#messaging/bus';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { cancelled, isRegistryError, stale } from '#oci/registry-error';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { BlobDriver, type ObjectComposer } from '../driver/blob-driver';
import { SettledObjects } from '../read/settled-objects';
import { askAgain } from '../upload/ask-again';

type Claimed = AnswerOf<typeof ClaimComposings>['composings'][number];

interface Running {
  readonly target: string;
  readonly halt: AbortController;
  readonly ended: Promise<void>;
}

/** A reason goes into a log of another process: no control characters, and not too long. */
const LONGEST_REASON = 500;

/**
 * Has objects of many keys put together, one at a time, where the store needs that. What is made is a new object, whose
 * row was there before it; nothing of it is deleted before metadata says that it may be.
 */
@Injectable()
export class ComposingHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Blobs');
  private readonly worker = randomUUID();
  private readonly loop: WorkLoop;
  private running: Running | null = null;
  private unsubscribe = () => {};

  constructor(
    private readonly driver: BlobDriver,
    private readonly calls: Calls,
    private readonly bus: Bus,
    private readonly settled: SettledObjects,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {
    this.loop = new WorkLoop('Blobs', config.ENTREPOT_COMPOSE_SWEEP_MS, () => this.look());
  }

  onApplicationBootstrap(): void {
    if (this.driver.composer === null || this.config.ENTREPOT_COMPOSE_SWEEP_MS === 0) return;
    this.unsubscribe = this.bus.subscribe(BlobStored.subject, () => this.loop.wake());
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    const stopped = this.loop.stop();
    this.running?.halt.abort(cancelled('composing'));
    await stopped;
  }

  /** Ends what is written to an object that is to be purged. */
  async stopWriting(object: string): Promise<void> {
    if (this.running?.target !== object) return;
    this.running.halt.abort(cancelled('composing'));
    await this.running.ended;
  }

  private async look(): Promise<Found> {
    const { composer } = this.driver;
    if (composer === null) return { nextInMs: null };
    const { composings, nextInMs } = await this.calls.ask(ClaimComposings, { worker: this.worker, limit: 1 });
    for (const claimed of composings) await this.run(claimed, composer);
    return composings.length > 0 ? 'more' : { nextInMs };
  }

  /** What the store or metadata could not do now is not tried with the next one before a sweep. */
  private async run(claimed: Claimed, composer: ObjectComposer): Promise<void> {
    const halt = new AbortController();
    const renewing = setInterval(() => void this.renew(claimed.target, halt), this.config.ENTREPOT_COMPOSE_RENEW_MS);
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.running = { target: claimed.target, halt, ended };
    try {
      await this.compose(claimed, composer, halt.signal);
    } catch (error) {
      await this.giveUp(claimed, error);
      if (isRegistryError(error, 'UNAVAILABLE', 'TIMEOUT')) throw error;
    } finally {
      clearInterval(renewing);
      this.running = null;
      end();
    }
  }

  private async compose(claimed: Claimed, composer: ObjectComposer, signal: AbortSignal): Promise<void> {
    const { source, target, extents } = claimed;
    const extent = await composer.compose(source, extents, target, signal);
    const { swapped } = await askAgain(this.calls, SwapObject, { target, extent });
    if (!swapped) await this.clear(target);
  }

  /** Bytes that are not there are the source's loss, as if a reader had missed them. */
  private async giveUp({ source, target, digest, size, extents }: Claimed, error: unknown): Promise<void> {
    const why = await this.settled.lose({ id: source, digest, size, extents }, error);
    const reason = why.message.replaceAll(/\p{Cc}/gu, ' ').slice(0, LONGEST_REASON);
    const said = await askAgain(this.calls, FailComposing, { target, reason }).catch((unsaid: Error) => {
      this.log.warn(`object ${target} is left to its lease: ${unsaid.message}`);
      return { discarded: false };
    });
    if (said.discarded) await this.clear(target);
  }

  /** Metadata has committed it as purging. What was written after its purge would lie there for ever. */
  private async clear(target: string): Promise<void> {
    await this.driver.purge(target).catch((error: unknown) => {
      this.log.warn(`object ${target} is left to the next purge: ${String(error)}`);
    });
  }

  /** While metadata is away the work goes on: what is swapped after the claim was taken over is refused. */
  private async renew(target: string, halt: AbortController): Promise<void> {
    const said = await this.calls.ask(RenewComposings, { targets: [target] }).catch(() => null);
    if (said?.renewed.length === 0) halt.abort(stale(`object ${target} is no longer to be composed here`));
  }
}
