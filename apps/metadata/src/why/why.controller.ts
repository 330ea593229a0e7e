import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ExplainWhy } from '#contracts/calls/why';
import type { QuestionOf } from '#contracts/define-call';
import { WhyStore } from './why.store';

/** Why something is kept. */
@Controller()
export class WhyController {
  constructor(private readonly why: WhyStore) {}

  @Answers(ExplainWhy)
  explain({ reference }: QuestionOf<typeof ExplainWhy>) {
    return this.why.explain(reference);
  }
}
