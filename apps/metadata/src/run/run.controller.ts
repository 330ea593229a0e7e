import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { EndCollection, ListRuns, PauseCleanup, ReadCleanup, ReadRun } from '#contracts/calls/runs';
import type { QuestionOf } from '#contracts/define-call';
import { RunStore } from './run.store';

/** How cleanup goes. */
@Controller()
export class RunController {
  constructor(private readonly runs: RunStore) {}

  @Answers(ListRuns)
  list(filter: QuestionOf<typeof ListRuns>) {
    return this.runs.list(filter);
  }

  @Answers(ReadRun)
  async read({ id }: QuestionOf<typeof ReadRun>) {
    return { run: await this.runs.read(id) };
  }

  @Answers(ReadCleanup)
  cleanup() {
    return this.runs.readCleanup();
  }

  @Answers(PauseCleanup)
  async pause({ principal, paused }: QuestionOf<typeof PauseCleanup>) {
    await (paused ? this.runs.pause(principal) : this.runs.resume(principal));
    return this.runs.readCleanup();
  }

  @Answers(EndCollection)
  end() {
    return this.runs.endCollection();
  }
}
