import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { AdoptSegment, EndAdoptionPhase, TakeAdoption } from '#contracts/calls/adoption';
import type { AnswerOf } from '#contracts/define-call';
import { LastingFault } from '#messaging/lasting-fault';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { cancelled, isRegistryError, stale } from '#oci/registry-error';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { BlobDriver } from '../driver/blob-driver';
import { parseSegmentName, type SegmentPlace, segmentName } from '../journal/segment-name';
import { AdoptObjects } from './adopt-objects';

type Adoption = NonNullable<AnswerOf<typeof TakeAdoption>['adoption']>;
type Place = Adoption['after'];

const SEGMENTS = 100;

/**
 * Gives a database that is behind its store what it lacks: first names, by the journal, then bytes. One replica does it at
 * a time; whoever takes it over begins the phase again, in which nothing is done twice.
 */
@Injectable()
export class AdoptHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Adoption');
  private readonly broken = new LastingFault({ warn: (line: string) => this.log.error(line) });
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
      this.broken.over();
    } catch (error) {
      if (isRegistryError(error, 'INVALID')) return this.waitForMending(error);
      if (!this.ending.signal.aborted) throw error;
    } finally {
      clearInterval(renewing);
    }
    return 'more';
  }

  /** Nothing goes on by itself: what is left out may be that something is private. */
  private waitForMending({ message }: Error): Found {
    this.broken.warn(
      `${message}: put its file back as it was, or move it out of the journal to go on without what it says`,
    );
    return { nextInMs: null };
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
    let known: Place = after;
    for await (const { name, place } of this.segmentsAfter({ installation, ...after })) {
      signal.throwIfAborted();
      if (place.installation !== installation || place.generation >= generation) return;
      if (!follows(known, place))
        this.log.error(
          `segments of the journal between ${nameOf(known)} and ${nameOf(place)} are not in the store: what they said is not had back`,
        );
      await this.adoptSegment(name, place);
      known = place;
    }
  }

  private async *segmentsAfter(from: SegmentPlace): AsyncGenerator<{ name: string; place: SegmentPlace }> {
    for (let last: string | undefined = segmentName(from); last !== undefined; ) {
      const names: string[] = await this.driver.listSegments(last, SEGMENTS);
      for (const name of names) {
        const place = parseSegmentName(name);
        if (place) yield { name, place };
      }
      last = names.at(-1);
    }
  }

  private async adoptSegment(name: string, at: { generation: number; segment: number }): Promise<void> {
    const bytes = await this.driver.readSegment(name);
    if (bytes === null) return;
    const { generation, segment } = at;
    await this.calls.ask(AdoptSegment, { worker: this.worker, at: { generation, segment }, bytes });
  }
}

/** Each life of a database begins with its first; none leaves one out. */
const follows = (known: Place, next: Place): boolean =>
  next.segment === (next.generation === known.generation ? known.segment + 1 : 1);

const nameOf = ({ generation, segment }: Place): string => `${generation}-${segment}`;
