import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { FindConfigs, RecordPlatforms } from '#contracts/calls/platforms';
import type { QuestionOf } from '#contracts/define-call';
import { ImagePlatformStore } from './image-platform.store';

/** What configs say of the platforms of images. */
@Controller()
export class ImagePlatformController {
  constructor(private readonly platforms: ImagePlatformStore) {}

  @Answers(FindConfigs)
  async find(question: QuestionOf<typeof FindConfigs>) {
    return { configs: await this.platforms.findConfigs(question) };
  }

  @Answers(RecordPlatforms)
  async record({ platforms }: QuestionOf<typeof RecordPlatforms>) {
    await this.platforms.record(platforms);
    return {};
  }
}
