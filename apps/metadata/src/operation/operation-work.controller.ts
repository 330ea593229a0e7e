import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import {
  ClaimOperations,
  CompletePull,
  EndCancelled,
  FailOperation,
  ReadOperationBlobs,
  RenewOperations,
  ResolveOperation,
} from '#contracts/calls/operations';
import type { QuestionOf } from '#contracts/define-call';
import { OperationWorkStore } from './operation-work.store';
import { PullWorkStore } from './pull-work.store';

/** Operations for those who carry them out. */
@Controller()
export class OperationWorkController {
  constructor(
    private readonly work: OperationWorkStore,
    private readonly pulls: PullWorkStore,
  ) {}

  @Answers(ClaimOperations)
  claim({ worker, kinds, limit }: QuestionOf<typeof ClaimOperations>) {
    return this.work.claim(worker, kinds, limit);
  }

  @Answers(RenewOperations)
  renew({ operations }: QuestionOf<typeof RenewOperations>) {
    return this.work.renew(operations);
  }

  @Answers(ResolveOperation)
  async resolve({ id, epoch, ...named }: QuestionOf<typeof ResolveOperation>) {
    await this.work.resolve({ id, epoch }, named);
    return {};
  }

  @Answers(ReadOperationBlobs)
  blobs(claim: QuestionOf<typeof ReadOperationBlobs>) {
    return this.pulls.readBlobs(claim);
  }

  @Answers(CompletePull)
  async complete(pull: QuestionOf<typeof CompletePull>) {
    return { completed: await this.pulls.complete(pull) };
  }

  @Answers(FailOperation)
  async fail({ id, epoch, ...failure }: QuestionOf<typeof FailOperation>) {
    return { ended: await this.work.fail({ id, epoch }, failure) };
  }

  @Answers(EndCancelled)
  async endCancelled(claim: QuestionOf<typeof EndCancelled>) {
    await this.work.endCancelled(claim);
    return {};
  }
}
