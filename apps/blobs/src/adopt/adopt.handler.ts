import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { AdoptSegment, EndAdoptionPhase, TakeAdoption } from '#contracts/calls/adoption';
import type { AnswerOf } from '#contracts/define-call';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { cancelled, stale } from '#oci/registry-error';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { BlobDriver } from '../driver/blob-driver';
import { parseSegmentName, segmentName } from '../journal/segment-name';
import { AdoptObjects } from './adopt-objects';

type Adoption = NonNullable<AnswerOf<typeof TakeAdoption>['adoption']>;

const SEGMENTS = 100;

/**
 * Gives a database that is behind its store what it lacks: first names, by the journal, then bytes. One replica does it at
 * a time; whoever takes it over begins the phase again, in which nothing is done twice.
 */
@Injectable()
export class AdoptHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly worker = randomUUID();
  private readonly loop: WorkLoop;
  private readonly ending = new AbortController();

  constructor(
    private readonly calls: Calls,
    private readonly driver: BlobDriver,
    private readonly objects: AdoptObjects,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {
    this.loop = new WorkLoop('Adoption', config.ENTREPOT_JOURNAL_MS, () => this.look());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.ending.abort(cancelled('adoption'));
    await this.loop.stop();
  }

  private async look(): Promise<Found> {
    const { adoption } = await this.calls.ask(TakeAdoption, { worker: this.worker });
    if (!adoption) return { nextInMs: null };
    const taken = new AbortController();
    const renewing = setInterval(() => void this.renew(taken), this.config.ENTREPOT_LEASE_MS / 3);
    try {
      await this.go(adoption, AbortSignal.any([taken.signal, this.ending.signal]));
    } catch (error) {
      if (!this.ending.signal.aborted) throw error;
    } finally {
      clearInterval(renewing);
    }
    return 'more';
  }

  private async renew(taken: AbortController): Promise<void> {
    const found = await this.calls.ask(TakeAdoption, { worker: this.worker }).catch(() => undefined);
    if (found?.adoption === null) taken.abort(stale('another replica adopts what is in the store'));
  }

  private async go(adoption: Adoption, signal: AbortSignal): Promise<void> {
    const { worker } = this;
    const { phase } = adoption;
    let missing = 0;
    if (phase === 'names') await this.readJournal(adoption, signal);
    if (phase === 'missing') missing = await this.objects.markMissing(worker, signal);
    if (phase === 'objects') await this.objects.adoptUnknown(worker, signal);
    await this.calls.ask(EndAdoptionPhase, { worker, phase, missing });
  }

  /** Up to where the journal of this database's own generation begins. */
  private async readJournal({ installation, generation, after }: Adoption, signal: AbortSignal): Promise<void> {
    for (let last = segmentName({ installation, ...after }); ; ) {
      const names = await this.driver.listSegments(last, SEGMENTS);
      for (const name of names) {
        signal.throwIfAborted();
        const segment = parseSegmentName(name);
        if (segment && segment.installation === installation && segment.generation < generation)
          await this.adoptSegment(name, segment);
      }
      const end = names.at(-1);
      if (end === undefined || !end.startsWith(`${installation}/`)) return;
      last = end;
    }
  }

  private async adoptSegment(name: string, at: { generation: number; segment: number }): Promise<void> {
    const bytes = await this.driver.readSegment(name);
    if (bytes === null) return;
    const { generation, segment } = at;
    await this.calls.ask(AdoptSegment, { worker: this.worker, at: { generation, segment }, bytes });
  }
}
