import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { PruneImages, ReadPlan } from '#contracts/calls/plans';
import type { QuestionOf } from '#contracts/define-call';
import { PlanStore } from './plan.store';
import { PruneWorkStore } from './prune-work.store';

/** Plans of prunes, and carrying them out. */
@Controller()
export class PruneController {
  constructor(
    private readonly plans: PlanStore,
    private readonly work: PruneWorkStore,
  ) {}

  @Answers(ReadPlan)
  async read({ id, after, limit }: QuestionOf<typeof ReadPlan>) {
    return { found: await this.plans.read(id, after, limit) };
  }

  @Answers(PruneImages)
  prune(work: QuestionOf<typeof PruneImages>) {
    return this.work.prune(work);
  }
}
