import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ClaimScrubs, EndScrub, RenewScrubs } from '#contracts/calls/scrubs';
import type { QuestionOf } from '#contracts/define-call';
import { ScrubStore } from './scrub.store';

@Controller()
export class ScrubController {
  constructor(private readonly scrubs: ScrubStore) {}

  @Answers(ClaimScrubs)
  claim({ worker, limit }: QuestionOf<typeof ClaimScrubs>) {
    return this.scrubs.claim(worker, limit);
  }

  @Answers(RenewScrubs)
  async renew({ worker, objects }: QuestionOf<typeof RenewScrubs>) {
    return { renewed: await this.scrubs.renew(worker, objects) };
  }

  @Answers(EndScrub)
  async end(question: QuestionOf<typeof EndScrub>) {
    return { ended: await this.scrubs.end(question) };
  }
}
