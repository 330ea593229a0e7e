import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { ClaimScrubs, EndScrub, RenewScrubs } from '#contracts/calls/scrubs';
import type { AnswerOf } from '#contracts/define-call';
import { Pace } from '#messaging/pace';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { digestAlgorithm } from '#oci/digest';
import { cancelled, stale } from '#oci/registry-error';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { scrubbed, scrubbedBytes } from '../blobs-metrics';
import { BlobDriver } from '../driver/blob-driver';
import { RightStore } from '../journal/right-store';
import { hashStored } from '../read/hash-stored';
import { HotBlobs } from '../read/hot-blobs';
import { SettledObjects } from '../read/settled-objects';
import { askAgain } from '../upload/ask-again';

type Claimed = AnswerOf<typeof ClaimScrubs>['objects'][number];

/** So many lost in a row are no accident of some bytes, but another store or an empty one: then one in an hour is looked at. */
const MOST_IN_A_ROW = 10;
const REST_MS = 60 * 60_000;
/** What was to be read now and is another's by now is looked for again after so long, in milliseconds. */
const SOON_MS = 1_000;

/**
 * Reads what is stored and hashes it, slowly, those objects first that were verified longest ago. What is not as it was
 * is kept aside, is given to nobody any more, and is fetched again where an upstream has it.
 */
@Injectable()
export class ScrubHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Scrub');
  private readonly worker = randomUUID();
  private readonly ending = new AbortController();
  private readonly loop: WorkLoop;
  private readonly pace: Pace;
  private lostInARow = 0;

  constructor(
    private readonly driver: BlobDriver,
    private readonly calls: Calls,
    private readonly settled: SettledObjects,
    private readonly hot: HotBlobs,
    private readonly store: RightStore,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {
    this.pace = new Pace(config.ENTREPOT_SCRUB_BYTES_PER_SECOND);
    this.loop = new WorkLoop('Scrub', config.ENTREPOT_SCRUB_SWEEP_MS, () => this.look());
  }

  onApplicationBootstrap(): void {
    if (this.config.ENTREPOT_SCRUB_SWEEP_MS > 0) this.loop.start();
  }

  /** What is being read is another's to read when its lease has ended. */
  async onModuleDestroy(): Promise<void> {
    this.ending.abort(cancelled('scrubbing'));
    await this.loop.stop();
  }

  private async look(): Promise<Found> {
    const { objects, nextInMs } = await this.calls.ask(ClaimScrubs, { worker: this.worker, limit: 1 });
    for (const each of objects) await this.scrub(each);
    if (objects.length === 0) return { nextInMs: nextInMs === null ? null : Math.max(SOON_MS, nextInMs) };
    return this.lostInARow < MOST_IN_A_ROW ? 'more' : this.rest();
  }

  /** The loop looks again at its sweep, which may be sooner: it is waited for here. */
  private async rest(): Promise<Found> {
    this.log.error(
      `${this.lostInARow} blobs in a row are missing or wrong: is this the right store, and is it mounted? The next one is read in an hour`,
    );
    const rest = new Pace(1000);
    rest.did(REST_MS);
    await rest.wait(this.ending.signal);
    return 'more';
  }

  private async scrub(claimed: Claimed): Promise<void> {
    const taken = new AbortController();
    const renewing = setInterval(() => void this.renew(claimed.object, taken), this.config.ENTREPOT_LEASE_MS / 3);
    const signal = AbortSignal.any([this.ending.signal, taken.signal]);
    try {
      await this.judge(claimed, signal);
    } catch (error) {
      if (signal.aborted) return;
      await this.end(claimed, 'unread').catch(() => undefined);
      throw error;
    } finally {
      clearInterval(renewing);
    }
  }

  /** What is wrong is read once more: bytes may be read wrongly, and a store may be away. */
  private async judge(claimed: Claimed, signal: AbortSignal): Promise<void> {
    if ((await this.hash(claimed, signal)).digest === claimed.digest) return this.found(claimed);
    await this.driver.check();
    const { digest, size } = await this.hash(claimed, signal);
    if (digest === claimed.digest) return this.found(claimed);
    if (digest === null) await this.store.mustBeHere();
    const kept = digest !== null && (await this.keepAside(claimed));
    this.settled.forget(claimed.object);
    this.hot.forget(claimed.object);
    this.lostInARow += 1;
    const what = digest === null ? `${size} of ${claimed.size} bytes are there` : `the stored bytes hash to ${digest}`;
    const where = digest === null ? '' : `, and are ${kept ? '' : 'not '}kept in quarantine`;
    await this.end(claimed, 'lost', `scrub: ${what}${where}`);
  }

  /** Bytes that are known to be wrong are given to nobody, whether there is room to keep them or not. */
  private async keepAside({ object }: Claimed): Promise<boolean> {
    try {
      await this.driver.quarantine(object);
      return true;
    } catch (error) {
      this.log.error(`object ${object} is wrong, and cannot be kept in quarantine: ${String(error)}`);
      return false;
    }
  }

  private async found(claimed: Claimed): Promise<void> {
    this.lostInARow = 0;
    await this.end(claimed, 'whole');
  }

  private async hash({ object, digest, size, extents }: Claimed, signal: AbortSignal) {
    const { driver, pace } = this;
    const found = await hashStored(driver, object, extents, size, digestAlgorithm(digest), { signal, pace });
    scrubbedBytes.inc(found.size);
    return found;
  }

  private async end({ object }: Claimed, found: 'whole' | 'lost' | 'unread', reason = ''): Promise<void> {
    scrubbed.inc({ found });
    await askAgain(this.calls, EndScrub, { worker: this.worker, object, found, reason });
  }

  /** While metadata is away the reading goes on; what is found after the claim was taken over is another's to find. */
  private async renew(object: string, taken: AbortController): Promise<void> {
    const said = await this.calls.ask(RenewScrubs, { worker: this.worker, objects: [object] }).catch(() => null);
    if (said?.renewed.length === 0) taken.abort(stale(`object ${object} is read by another process`));
  }
}
