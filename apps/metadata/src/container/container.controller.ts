import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { ListContainers, ReadContainer } from '#contracts/calls/containers';
import type { QuestionOf } from '#contracts/define-call';
import { ContainerStore } from './container.store';

/** Containers for those who look; what is done to them is an operation. */
@Controller()
export class ContainerController {
  constructor(private readonly containers: ContainerStore) {}

  @Answers(ListContainers)
  list(asked: QuestionOf<typeof ListContainers>) {
    return this.containers.list(asked);
  }

  @Answers(ReadContainer)
  read({ container }: QuestionOf<typeof ReadContainer>) {
    return this.containers.read(container);
  }
}
