import { Controller, Inject } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ListJournals } from '#contracts/calls/adoption';
import { DropStrays, HashObject, JudgeStore, ListStored, PurgeObject, QuarantineObject } from '#contracts/calls/blobs';
import { PingBlobs } from '#contracts/calls/ping';
import { FinishUpload } from '#contracts/calls/sessions';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { BLOBS_CONFIG, type BlobsConfig } from './blobs.config';
import { ComposingHandler } from './compose/composing.handler';
import { BlobDriver } from './driver/blob-driver';
import { JournalHandler } from './journal/journal.handler';
import { RightStore } from './journal/right-store';
import { StraysHandler } from './journal/strays.handler';
import { HashObjectHandler } from './read/hash-object.handler';
import { HotBlobs } from './read/hot-blobs';
import { SettledObjects } from './read/settled-objects';
import { FinishUploadHandler } from './upload/finish-upload.handler';
import { UploadSessions } from './upload/upload-sessions';

/** What `blobs` answers, beside the byte plane. */
@Controller()
export class BlobsController {
  constructor(
    private readonly driver: BlobDriver,
    private readonly finishing: FinishUploadHandler,
    private readonly hashing: HashObjectHandler,
    private readonly settled: SettledObjects,
    private readonly hot: HotBlobs,
    private readonly uploads: UploadSessions,
    private readonly composing: ComposingHandler,
    private readonly strays: StraysHandler,
    private readonly journal: JournalHandler,
    private readonly store: RightStore,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {}

  @Answers(PingBlobs)
  async ping(): Promise<AnswerOf<typeof PingBlobs>> {
    const { freeBytes } = await this.driver.check();
    const isLow = freeBytes !== null && freeBytes < this.config.ENTREPOT_STORE_LOW_BYTES;
    return { warning: isLow ? `the store has ${freeBytes} bytes left: free space, or give it more` : null };
  }

  @Answers(FinishUpload)
  finishUpload(question: QuestionOf<typeof FinishUpload>): Promise<AnswerOf<typeof FinishUpload>> {
    return this.finishing.finish(question);
  }

  @Answers(PurgeObject)
  async purgeObject({ object }: QuestionOf<typeof PurgeObject>): Promise<AnswerOf<typeof PurgeObject>> {
    this.settled.forget(object);
    this.hot.forget(object);
    await this.uploads.stopWriting(object);
    await this.composing.stopWriting(object);
    await this.driver.purge(object);
    return {};
  }

  @Answers(ListStored)
  listStored({ after, limit }: QuestionOf<typeof ListStored>): Promise<AnswerOf<typeof ListStored>> {
    return this.driver.list(after, limit);
  }

  @Answers(QuarantineObject)
  async quarantineObject({ object }: QuestionOf<typeof QuarantineObject>): Promise<AnswerOf<typeof QuarantineObject>> {
    await this.driver.quarantine(object);
    return {};
  }

  @Answers(DropStrays)
  dropStrays({ object }: QuestionOf<typeof DropStrays>): Promise<AnswerOf<typeof DropStrays>> {
    return this.strays.drop(object);
  }

  @Answers(JudgeStore)
  async judgeStore(): Promise<AnswerOf<typeof JudgeStore>> {
    return { fault: await this.store.judge() };
  }

  @Answers(ListJournals)
  async listJournals(): Promise<AnswerOf<typeof ListJournals>> {
    return { journals: await this.journal.list() };
  }

  @Answers(HashObject)
  hashObject(question: QuestionOf<typeof HashObject>): Promise<AnswerOf<typeof HashObject>> {
    return this.hashing.hash(question);
  }
}
