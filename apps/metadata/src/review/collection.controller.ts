import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import {
  CheckRows,
  CheckStreams,
  ClaimPurges,
  FindHolders,
  ForgetEnded,
  ForgetObjects,
  JudgeStrays,
  ListObjects,
  ReviewDue,
} from '#contracts/calls/collection';
import type { QuestionOf } from '#contracts/define-call';
import { Bus } from '#messaging/bus';
import { RowsCheck } from '../object/check-rows';
import { ObjectListStore } from '../object/object-list.store';
import { PurgeStore } from '../object/purge.store';
import { EndedStore } from './ended.store';
import { ReviewHandler } from './review.handler';

/** What is collected is decided here, from rows; `gc` says when, and `blobs` deletes what was committed as purging. */
@Controller()
export class CollectionController {
  constructor(
    private readonly reviews: ReviewHandler,
    private readonly purges: PurgeStore,
    private readonly objects: ObjectListStore,
    private readonly rows: RowsCheck,
    private readonly ended: EndedStore,
    private readonly bus: Bus,
  ) {}

  @Answers(ReviewDue)
  review({ limit }: QuestionOf<typeof ReviewDue>) {
    return this.reviews.reviewDue(limit);
  }

  @Answers(ClaimPurges)
  claim({ limit }: QuestionOf<typeof ClaimPurges>) {
    return this.purges.claim(limit);
  }

  @Answers(ForgetObjects)
  async forget({ objects, failed, lastError }: QuestionOf<typeof ForgetObjects>) {
    return { forgotten: await this.purges.forget(objects, failed, lastError) };
  }

  @Answers(ForgetEnded)
  forgetEnded({ limit }: QuestionOf<typeof ForgetEnded>) {
    return this.ended.forget(limit);
  }

  @Answers(ListObjects)
  list({ after, limit }: QuestionOf<typeof ListObjects>) {
    return this.objects.list(after, limit);
  }

  @Answers(FindHolders)
  async holders({ digests }: QuestionOf<typeof FindHolders>) {
    return { holders: await this.objects.holders(digests) };
  }

  @Answers(JudgeStrays)
  judgeStrays({ object }: QuestionOf<typeof JudgeStrays>) {
    return this.objects.judgeStrays(object);
  }

  @Answers(CheckStreams)
  async checkStreams({ mend }: QuestionOf<typeof CheckStreams>) {
    const faults = await this.bus.checkStreams();
    if (mend) await this.bus.ensureStreams();
    return { faults };
  }

  @Answers(CheckRows)
  async check() {
    return { faults: await this.rows.check(), stuck: await this.rows.stuck() };
  }
}
