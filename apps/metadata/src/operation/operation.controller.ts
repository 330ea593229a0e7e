import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { AcceptOperation, CancelOperation, ListOperations, ReadOperation } from '#contracts/calls/operations';
import type { QuestionOf } from '#contracts/define-call';
import { OperationStore } from './operation.store';

/** Operations for those who ask for them. */
@Controller()
export class OperationController {
  constructor(private readonly operations: OperationStore) {}

  @Answers(AcceptOperation)
  accept(asked: QuestionOf<typeof AcceptOperation>) {
    return this.operations.accept(asked);
  }

  @Answers(ReadOperation)
  async read({ principal, id }: QuestionOf<typeof ReadOperation>) {
    return { operation: await this.operations.read(principal, id) };
  }

  @Answers(ListOperations)
  list(filter: QuestionOf<typeof ListOperations>) {
    return this.operations.list(filter);
  }

  @Answers(CancelOperation)
  async cancel({ principal, id }: QuestionOf<typeof CancelOperation>) {
    return { operation: await this.operations.cancel(principal, id) };
  }
}
