import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ListTrash } from '#contracts/calls/trash';
import type { QuestionOf } from '#contracts/define-call';
import { TrashStore } from './trash.store';

@Controller()
export class TrashController {
  constructor(private readonly trash: TrashStore) {}

  @Answers(ListTrash)
  list(filter: QuestionOf<typeof ListTrash>) {
    return this.trash.list(filter);
  }
}
