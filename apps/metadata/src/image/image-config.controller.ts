import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { FindConfigs, RecordConfigs, TakeConfigs } from '#contracts/calls/configs';
import type { QuestionOf } from '#contracts/define-call';
import { ImageConfigStore } from './image-config.store';

/** What configs say of images. */
@Controller()
export class ImageConfigController {
  constructor(private readonly configs: ImageConfigStore) {}

  @Answers(FindConfigs)
  async find(question: QuestionOf<typeof FindConfigs>) {
    return { configs: await this.configs.findConfigs(question) };
  }

  @Answers(TakeConfigs)
  take({ limit }: QuestionOf<typeof TakeConfigs>) {
    return this.configs.take(limit);
  }

  @Answers(RecordConfigs)
  async record({ configs }: QuestionOf<typeof RecordConfigs>) {
    await this.configs.record(configs);
    return {};
  }
}
