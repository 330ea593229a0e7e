import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ListImages, RemoveImage } from '#contracts/calls/images';
import type { QuestionOf } from '#contracts/define-call';
import { ImageStore } from './image.store';
import { RemoveImageHandler } from './remove-image.handler';

/** Images: what is held, and having one go. */
@Controller()
export class ImageController {
  constructor(
    private readonly images: ImageStore,
    private readonly removes: RemoveImageHandler,
  ) {}

  @Answers(ListImages)
  list(filter: QuestionOf<typeof ListImages>) {
    return this.images.list(filter);
  }

  @Answers(RemoveImage)
  remove(claim: QuestionOf<typeof RemoveImage>) {
    return this.removes.remove(claim);
  }
}
