import { Inject, Injectable } from '@nestjs/common';
import { Calls } from '#calls/calls';
import type { DropStrays } from '#contracts/calls/blobs';
import { JudgeStrays } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { BlobDriver } from '../driver/blob-driver';
import { JournalHandler } from './journal.handler';

const left = (why: string): AnswerOf<typeof DropStrays> => ({ dropped: 0, left: why });

/**
 * Deletes bytes that no row names. Rows come before bytes and no id is used twice, so what was seen in the store and has
 * neither row nor tombstone afterwards never gets one; unless the database is older than the store, or is not its only one.
 */
@Injectable()
export class StraysHandler {
  constructor(
    private readonly driver: BlobDriver,
    private readonly calls: Calls,
    private readonly journal: JournalHandler,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {}

  async drop(object: string): Promise<AnswerOf<typeof DropStrays>> {
    if (await this.journal.isAheadOfDatabase())
      return left('the journal in the store is ahead of the database, which was restored');
    if (await this.journal.isOfAnotherToo())
      return left('another database has its journal in the store too, and may know it');
    const { may, keys, why } = await this.calls.ask(JudgeStrays, { object });
    if (may === 'none') return left(why);
    const dropped = await this.driver.drop(object, new Set(keys), this.config.ENTREPOT_GRACE_MS);
    return dropped === null ? left('it is younger than the grace') : { dropped, left: null };
  }
}
