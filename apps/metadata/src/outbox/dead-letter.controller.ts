import { Controller } from '@nestjs/common';
import { Answers } from '#calls/answers.decorator';
import {
  type DeadLetter,
  DropDeadLetter,
  ListDeadLetters,
  ReadDeadLetter,
  ReplayDeadLetter,
} from '#contracts/calls/dead-letters';
import type { QuestionOf } from '#contracts/define-call';
import { Bus } from '#messaging/bus';
import { DeadLetters, type DeadMessage } from '#messaging/dead-letters';

/** What could not be handled, for a person to look at, send again or throw away. */
@Controller()
export class DeadLetterController {
  private readonly dead: DeadLetters;

  constructor(bus: Bus) {
    this.dead = new DeadLetters(bus);
  }

  @Answers(ListDeadLetters)
  async list({ after, limit }: QuestionOf<typeof ListDeadLetters>) {
    const letters = (await this.dead.list(after, limit)).map(toLetter);
    return { letters, next: letters.length === limit ? (letters.at(-1)?.sequence ?? null) : null };
  }

  @Answers(ReadDeadLetter)
  async read({ sequence }: QuestionOf<typeof ReadDeadLetter>) {
    const message = await this.dead.read(sequence);
    return { ...toLetter(message), headers: message.headers, bytes: message.payload };
  }

  @Answers(ReplayDeadLetter)
  async replay({ sequence }: QuestionOf<typeof ReplayDeadLetter>) {
    await this.dead.replay(sequence);
    return {};
  }

  @Answers(DropDeadLetter)
  async drop({ sequence }: QuestionOf<typeof DropDeadLetter>) {
    await this.dead.drop(sequence);
    return {};
  }
}

function toLetter({ payload, cutFrom, diedAt, ...message }: DeadMessage): DeadLetter {
  const { sequence, subject, stream, reason, deliveries, messageId } = message;
  const size = cutFrom ?? payload.length;
  return {
    ...{ sequence, subject, stream, reason, deliveries, messageId },
    ...{ diedAt: diedAt.toISOString(), size, cut: cutFrom !== null },
  };
}
