import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ConfirmTag, ListTags, ResolveTags } from '#contracts/calls/manifests';
import type { QuestionOf } from '#contracts/define-call';
import { HotQuestions } from '../hot/hot-questions';
import { TagStore } from './tag.store';

@Controller()
export class TagController {
  constructor(
    private readonly tags: TagStore,
    private readonly hot: HotQuestions,
  ) {}

  @Answers(ResolveTags)
  resolve(question: QuestionOf<typeof ResolveTags>) {
    return this.hot.resolveTags(question);
  }

  @Answers(ConfirmTag)
  async confirm({ repository, tag, digest, askedMsAgo }: QuestionOf<typeof ConfirmTag>) {
    return { confirmed: await this.tags.confirm(repository, tag, digest, askedMsAgo) };
  }

  @Answers(ListTags)
  list({ repository, after, limit }: QuestionOf<typeof ListTags>) {
    return this.tags.list(repository, after ?? '', limit);
  }
}
