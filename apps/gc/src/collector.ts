import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { PurgeObject } from '#contracts/calls/blobs';
import { ClaimPurges, ForgetEnded, ForgetObjects, ReviewDue } from '#contracts/calls/collection';
import { EndCollection } from '#contracts/calls/runs';
import { BlobCondemned, ContainerRemoved, GcResumed, ManifestRemoved, TagRemoved } from '#contracts/facts';
import { Bus } from '#messaging/bus';
import { Pace } from '#messaging/pace';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { GC_CONFIG, type GcConfig } from './gc.config';
import { soonest } from './soonest';

/**
 * The path of everything that goes: review → condemn → grace → purge. Each step is a command that decides by rows
 * read after locking, so any number of collectors may run, and one that dies leaves nothing undone but time.
 * Bytes are deleted only after their object was committed as purging; the tombstone goes after the bytes. Rows that have
 * had their time go on the same rounds.
 */
@Injectable()
export class Collector implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Collector');
  private readonly loop: WorkLoop;
  private readonly pace: Pace;
  private readonly stopping = new AbortController();
  private unsubscribes: (() => void)[] = [];
  /** A run may be open that nobody ended: ours, or that of a collector that died. */
  private mayBeOpen = true;

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    @Inject(GC_CONFIG) private readonly config: GcConfig,
  ) {
    this.loop = new WorkLoop('Collector', config.ENTREPOT_GC_SWEEP_MS, () => this.look());
    this.pace = new Pace(config.ENTREPOT_GC_PER_SECOND);
  }

  onApplicationBootstrap(): void {
    this.unsubscribes = [TagRemoved, ContainerRemoved, ManifestRemoved, BlobCondemned, GcResumed].map((fact) =>
      this.bus.subscribe(fact.subject, () => this.loop.wake()),
    );
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    for (const unsubscribe of this.unsubscribes) unsubscribe();
    this.stopping.abort();
    await this.loop.stop();
  }

  private async look(): Promise<Found> {
    const limit = this.config.ENTREPOT_GC_BATCH;
    const reviews = await this.calls.ask(ReviewDue, { limit });
    const purges = await this.calls.ask(ClaimPurges, { limit });
    const purged = await this.purge(purges.objects.map(({ object }) => object));
    const ended = await this.calls.ask(ForgetEnded, { limit });
    if (reviews.condemned || reviews.removed || purged) {
      this.log.log(
        `removed ${reviews.removed} manifests, condemned ${reviews.condemned} blobs, purged ${purged} objects`,
      );
    }
    if (ended.operations) this.log.log(`forgot ${ended.operations} operations`);
    const found = reviews.reviewed + purges.objects.length;
    this.mayBeOpen ||= found > 0;
    this.pace.did(found);
    await this.pace.wait(this.stopping.signal);
    if (reviews.reviewed === limit || purges.objects.length === limit || ended.more) return 'more';
    if (this.mayBeOpen) this.mayBeOpen = !(await this.calls.ask(EndCollection, {})).settled;
    return { nextInMs: soonest(reviews.nextInMs, purges.nextInMs) };
  }

  /** An object whose bytes would not go keeps its tombstone, and is claimed again later. */
  private async purge(objects: string[]): Promise<number> {
    const gone: string[] = [];
    const errors: string[] = [];
    for (const object of objects) {
      await this.calls.ask(PurgeObject, { object }).then(
        () => gone.push(object),
        (error: Error) => {
          errors.push(error.message);
          this.log.warn(`object ${object} was not purged and will be tried again: ${error.message}`);
        },
      );
    }
    const lastError =
      errors
        .at(-1)
        ?.replace(/[\p{Cc}\p{Cs}]/gu, ' ')
        .slice(0, 2000) ?? null;
    if (objects.length > 0) await this.calls.ask(ForgetObjects, { objects: gone, failed: errors.length, lastError });
    return gone.length;
  }
}
