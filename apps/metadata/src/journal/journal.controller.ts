import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import { EndSegment, NoteRestored, TakeSegment } from '#contracts/calls/journal';
import type { QuestionOf } from '#contracts/define-call';
import { JournalStore } from './journal.store';

@Controller()
export class JournalController {
  constructor(private readonly journal: JournalStore) {}

  @Answers(TakeSegment)
  take() {
    return this.journal.take();
  }

  @Answers(EndSegment)
  async end({ segment, generation }: QuestionOf<typeof EndSegment>) {
    await this.journal.end(segment, generation);
    return {};
  }

  @Answers(NoteRestored)
  async noteRestored({ generation }: QuestionOf<typeof NoteRestored>) {
    await this.journal.noteRestored(generation);
    return {};
  }
}
