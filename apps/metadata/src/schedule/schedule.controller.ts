import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { DeleteSchedule, FireSchedules, ListSchedules, PutSchedule, ReadSchedule } from '#contracts/calls/schedules';
import type { QuestionOf } from '#contracts/define-call';
import { FireSchedulesHandler } from './fire-schedules.handler';
import { ScheduleStore } from './schedule.store';

/** When prunes are accepted by themselves, and when the collector works. */
@Controller()
export class ScheduleController {
  constructor(
    private readonly schedules: ScheduleStore,
    private readonly firing: FireSchedulesHandler,
  ) {}

  @Answers(ListSchedules)
  list(page: QuestionOf<typeof ListSchedules>) {
    return this.schedules.list(page);
  }

  @Answers(ReadSchedule)
  async read({ name }: QuestionOf<typeof ReadSchedule>) {
    return { schedule: await this.schedules.read(name) };
  }

  @Answers(PutSchedule)
  put({ principal, name, body }: QuestionOf<typeof PutSchedule>) {
    return this.schedules.put(principal, name, body);
  }

  @Answers(DeleteSchedule)
  async delete({ name }: QuestionOf<typeof DeleteSchedule>) {
    return { deleted: await this.schedules.delete(name) };
  }

  @Answers(FireSchedules)
  fire() {
    return this.firing.fire();
  }
}
