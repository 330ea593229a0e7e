import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { LeaseObject, MarkLost, ReadGrace, ReadObject, ReleaseObject } from '#contracts/calls/sessions';
import type { QuestionOf } from '#contracts/define-call';
import { ObjectStore } from './object.store';

@Controller()
export class ObjectController {
  constructor(private readonly objects: ObjectStore) {}

  @Answers(ReadObject)
  read({ object }: QuestionOf<typeof ReadObject>) {
    return this.objects.read(object);
  }

  @Answers(ReadGrace)
  async readGrace() {
    return { graceMs: this.objects.graceMs };
  }

  @Answers(LeaseObject)
  async lease({ object, holder, forMs }: QuestionOf<typeof LeaseObject>) {
    return { until: (await this.objects.lease(object, holder, forMs)).toISOString() };
  }

  @Answers(ReleaseObject)
  async release({ object, holder }: QuestionOf<typeof ReleaseObject>) {
    await this.objects.release(object, holder);
    return {};
  }

  @Answers(MarkLost)
  async markLost({ object, reason, refetch }: QuestionOf<typeof MarkLost>) {
    return { refetching: await this.objects.markLost(object, reason, refetch) };
  }
}
