import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { PurgeObject } from '#contracts/calls/blobs';
import { ClaimPurges, ForgetEnded, ForgetObjects, ReviewDue } from '#contracts/calls/collection';
import { BlobCondemned, ContainerRemoved, ManifestRemoved, TagRemoved } from '#contracts/facts';
import { Bus } from '#messaging/bus';
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
  private unsubscribes: (() => void)[] = [];

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    @Inject(GC_CONFIG) private readonly config: GcConfig,
  ) {
    this.loop = new WorkLoop('Collector', config.ENTREPOT_GC_SWEEP_MS, () => this.look());
  }

  onApplicationBootstrap(): void {
    this.unsubscribes = [TagRemoved, ContainerRemoved, ManifestRemoved, BlobCondemned].map((fact) =>
      this.bus.subscribe(fact.subject, () => this.loop.wake()),
    );
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    for (const unsubscribe of this.unsubscribes) unsubscribe();
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
    if (reviews.reviewed === limit || purges.objects.length === limit || ended.more) return 'more';
    return { nextInMs: soonest(reviews.nextInMs, purges.nextInMs) };
  }

  /** An object whose bytes would not go keeps its tombstone, and is claimed again later. */
  private async purge(objects: string[]): Promise<number> {
    const gone: string[] = [];
    for (const object of objects) {
      await this.calls.ask(PurgeObject, { object }).then(
        () => gone.push(object),
        (error: Error) => this.log.warn(`object ${object} was not purged and will be tried again: ${error.message}`),
      );
    }
    if (gone.length > 0) await this.calls.ask(ForgetObjects, { objects: gone });
    return gone.length;
  }
}
