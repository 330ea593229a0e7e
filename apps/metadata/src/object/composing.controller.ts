import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ClaimComposings, FailComposing, RenewComposings, SwapObject } from '#contracts/calls/composing';
import type { QuestionOf } from '#contracts/define-call';
import { ComposingStore } from './composing.store';

@Controller()
export class ComposingController {
  constructor(private readonly composings: ComposingStore) {}

  @Answers(ClaimComposings)
  claim({ worker, limit }: QuestionOf<typeof ClaimComposings>) {
    return this.composings.claim(worker, limit);
  }

  @Answers(RenewComposings)
  async renew({ targets }: QuestionOf<typeof RenewComposings>) {
    return { renewed: await this.composings.renew(targets) };
  }

  @Answers(SwapObject)
  async swap({ target, extent }: QuestionOf<typeof SwapObject>) {
    return { swapped: await this.composings.swap(target, extent) };
  }

  @Answers(FailComposing)
  async fail({ target, reason }: QuestionOf<typeof FailComposing>) {
    return { discarded: await this.composings.fail(target, reason) };
  }
}
