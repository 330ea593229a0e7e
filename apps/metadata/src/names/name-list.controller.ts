import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ListHeldTags, ListRepositories, ListTagMoves } from '#contracts/calls/names';
import type { QuestionOf } from '#contracts/define-call';
import { RepositoryListStore } from './repository-list.store';
import { TagListStore } from './tag-list.store';

@Controller()
export class NameListController {
  constructor(
    private readonly tags: TagListStore,
    private readonly repositories: RepositoryListStore,
  ) {}

  @Answers(ListHeldTags)
  listTags(question: QuestionOf<typeof ListHeldTags>) {
    return this.tags.list(question);
  }

  @Answers(ListTagMoves)
  listMoves(question: QuestionOf<typeof ListTagMoves>) {
    return this.tags.moves(question);
  }

  @Answers(ListRepositories)
  listRepositories(question: QuestionOf<typeof ListRepositories>) {
    return this.repositories.list(question);
  }
}
