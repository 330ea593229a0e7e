import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import {
  AdoptObject,
  AdoptSegment,
  BeginRebuild,
  CompareStored,
  EndAdoptionPhase,
  ReadAdoption,
  TakeAdoption,
} from '#contracts/calls/adoption';
import type { QuestionOf } from '#contracts/define-call';
import { AdoptObjectHandler } from './adopt-object.handler';
import { AdoptionStore } from './adoption.store';

@Controller()
export class AdoptionController {
  constructor(
    private readonly adoption: AdoptionStore,
    private readonly objects: AdoptObjectHandler,
  ) {}

  @Answers(ReadAdoption)
  read() {
    return this.adoption.read();
  }

  @Answers(TakeAdoption)
  take({ worker }: QuestionOf<typeof TakeAdoption>) {
    return this.adoption.take(worker);
  }

  @Answers(AdoptSegment)
  async adoptSegment({ worker, at, bytes }: QuestionOf<typeof AdoptSegment>) {
    await this.adoption.adoptSegment(worker, at, bytes);
    return {};
  }

  @Answers(EndAdoptionPhase)
  async endPhase({ worker, phase, missing }: QuestionOf<typeof EndAdoptionPhase>) {
    await this.adoption.endPhase(worker, phase, missing);
    return {};
  }

  @Answers(CompareStored)
  compare(question: QuestionOf<typeof CompareStored>) {
    return this.objects.compare(question);
  }

  @Answers(AdoptObject)
  async adopt(question: QuestionOf<typeof AdoptObject>) {
    return { became: await this.objects.adopt(question) };
  }

  @Answers(BeginRebuild)
  async beginRebuild({ installation, generation }: QuestionOf<typeof BeginRebuild>) {
    await this.adoption.beginRebuild(installation, generation);
    return {};
  }
}
