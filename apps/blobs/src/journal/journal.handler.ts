import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Calls } from '#calls/calls';
import type { ListJournals } from '#contracts/calls/adoption';
import { EndSegment, NoteRestored, TakeSegment } from '#contracts/calls/journal';
import type { AnswerOf } from '#contracts/define-call';
import { type Found, WorkLoop } from '#messaging/work-loop';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { BlobDriver } from '../driver/blob-driver';
import { parseSegmentName, segmentName } from './segment-name';

type Segment = AnswerOf<typeof TakeSegment>;

/**
 * Takes the journal into the store, segment by segment: beside the objects, so that the store alone can rebuild the
 * warehouse. Any number of replicas may do it, and one that dies leaves nothing undone: a segment never changes, so
 * writing it again changes nothing. Where the store has another one of that number, the database was restored.
 */
@Injectable()
export class JournalHandler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Journal');
  private readonly loop: WorkLoop;
  /** Whether the store's head was compared with the database's, once in the life of this process. */
  private isCompared = false;

  constructor(
    private readonly calls: Calls,
    private readonly driver: BlobDriver,
    @Inject(BLOBS_CONFIG) config: BlobsConfig,
  ) {
    this.loop = new WorkLoop('Journal', config.ENTREPOT_JOURNAL_MS, () => this.look());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  /** Whether the store's journal is ahead of the database, which was restored then and does not know all that is stored. */
  async isAheadOfDatabase(): Promise<boolean> {
    return (await this.findAhead(await this.calls.ask(TakeSegment, {}))) !== null;
  }

  /** Whether another database has written a journal here, whose objects this one's rows do not name. */
  async isOfAnotherToo(): Promise<boolean> {
    const { installation } = await this.calls.ask(TakeSegment, {});
    return (await this.driver.listJournals()).some((each) => each !== installation);
  }

  /** Of each installation the last one. */
  async list(): Promise<AnswerOf<typeof ListJournals>['journals']> {
    const journals: AnswerOf<typeof ListJournals>['journals'] = [];
    for (const folder of await this.driver.listJournals()) {
      const last = parseSegmentName((await this.driver.lastSegment(`${folder}/0`)) ?? '');
      if (!last) continue;
      const { installation, generation, segment } = last;
      journals.push({ installation, last: { generation, segment } });
    }
    return journals;
  }

  private async look(): Promise<Found> {
    const taken = await this.calls.ask(TakeSegment, {});
    if (!this.isCompared && (await this.isAhead(taken))) return 'more';
    if (taken.bytes.length === 0) return { nextInMs: null };
    const stored = await this.driver.readSegment(segmentName(taken));
    if (stored === null) await this.driver.writeSegment(segmentName(taken), taken.bytes);
    else if (!stored.equals(taken.bytes)) return this.beginAnew(taken.generation);
    await this.calls.ask(EndSegment, { segment: taken.segment, generation: taken.generation });
    return 'more';
  }

  private async isAhead(taken: Segment): Promise<boolean> {
    const last = await this.findAhead(taken);
    this.isCompared = last === null;
    if (last !== null) await this.beginAnew(parseSegmentName(last)?.generation ?? taken.generation);
    return last !== null;
  }

  /** The last segment in the store that the database does not know; null where there is none. */
  private async findAhead(taken: Segment): Promise<string | null> {
    const last = await this.lastStored(taken);
    if (last === null) return null;
    // Asked after the store was: it knows what another replica stored meanwhile.
    const head = await this.calls.ask(TakeSegment, {});
    const isKnown = last < segmentName(head) || (last === segmentName(head) && head.bytes.length > 0);
    return isKnown ? null : last;
  }

  /** What the store has beyond what was known to be there. */
  private async lastStored(taken: Segment): Promise<string | null> {
    const name = segmentName(taken);
    const last = await this.driver.lastSegment(name);
    if (last !== null || taken.bytes.length > 0) return last;
    return (await this.driver.readSegment(name)) === null ? null : name;
  }

  private async beginAnew(generation: number): Promise<Found> {
    this.log.error('the journal in the store is ahead of the database, which was restored: its next generation begins');
    await this.calls.ask(NoteRestored, { generation });
    return 'more';
  }
}
