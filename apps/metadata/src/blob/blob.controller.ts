import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { FindBlobs, WantBlob } from '#contracts/calls/blobs';
import { ClaimFills, FailFill, RenewFills } from '#contracts/calls/fills';
import type { QuestionOf } from '#contracts/define-call';
import { HotQuestions } from '../hot/hot-questions';
import { FillStore } from './fill.store';
import { WantBlobHandler } from './want-blob.handler';

/** Blobs as repositories have them, and their fills. */
@Controller()
export class BlobController {
  constructor(
    private readonly hot: HotQuestions,
    private readonly wants: WantBlobHandler,
    private readonly fills: FillStore,
  ) {}

  @Answers(FindBlobs)
  find(question: QuestionOf<typeof FindBlobs>) {
    return this.hot.findBlobs(question);
  }

  @Answers(WantBlob)
  want({ repository, digest, fill }: QuestionOf<typeof WantBlob>) {
    return this.wants.want(repository, digest, fill);
  }

  @Answers(ClaimFills)
  async claim({ worker, limit, ...room }: QuestionOf<typeof ClaimFills>) {
    const fills = await this.fills.claim(worker, limit, room);
    return { fills, nextInMs: await this.fills.nextInMs(room) };
  }

  @Answers(RenewFills)
  async renew({ fills }: QuestionOf<typeof RenewFills>) {
    return { renewed: await this.fills.renew(fills) };
  }

  @Answers(FailFill)
  async fail({ id, epoch, ...failure }: QuestionOf<typeof FailFill>) {
    return { failed: await this.fills.fail(id, epoch, failure) };
  }
}
