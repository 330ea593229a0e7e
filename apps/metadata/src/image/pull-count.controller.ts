import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { RecordPulls } from '#contracts/calls/pulls';
import type { QuestionOf } from '#contracts/define-call';
import { PullCountStore } from './pull-count.store';

/** Pulls, as gateways count them. */
@Controller()
export class PullCountController {
  constructor(private readonly pulls: PullCountStore) {}

  @Answers(RecordPulls)
  async record({ pulls }: QuestionOf<typeof RecordPulls>) {
    await this.pulls.record(pulls);
    return {};
  }
}
