import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ListImages, RemoveImage } from '#contracts/calls/images';
import { InspectImage, ReadImageParts } from '#contracts/calls/inspect';
import type { QuestionOf } from '#contracts/define-call';
import { ImageStore } from './image.store';
import { InspectImageStore } from './inspect-image.store';
import { RemoveImageHandler } from './remove-image.handler';

/** Images: what is held, and having one go. */
@Controller()
export class ImageController {
  constructor(
    private readonly images: ImageStore,
    private readonly inspected: InspectImageStore,
    private readonly removes: RemoveImageHandler,
  ) {}

  @Answers(ListImages)
  list(filter: QuestionOf<typeof ListImages>) {
    return this.images.list(filter);
  }

  @Answers(InspectImage)
  inspect(question: QuestionOf<typeof InspectImage>) {
    return this.inspected.inspect(question);
  }

  @Answers(ReadImageParts)
  parts(question: QuestionOf<typeof ReadImageParts>) {
    return this.inspected.parts(question);
  }

  @Answers(RemoveImage)
  remove(claim: QuestionOf<typeof RemoveImage>) {
    return this.removes.remove(claim);
  }
}
