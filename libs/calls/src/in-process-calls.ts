import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { AnswerOf, Call } from '#contracts/define-call';
import { inSpan } from '#telemetry/tracing';
import { CallRegistry } from './call-registry';
import { type AskOptions, Calls } from './calls';
import { encodeMessage } from './encode-message';
import { readAnswer } from './read-answer';
import { withinDeadline } from './within-deadline';

/** The binding of the standalone program: the same frames, deadline and errors, without a socket between. */
@Injectable()
export class InProcessCalls extends Calls {
  constructor(private readonly registry: CallRegistry) {
    super();
  }

  override async ask<C extends Call>(
    call: C,
    question: z.input<C['question']>,
    { deadlineMs = call.deadlineMs, signal }: AskOptions = {},
  ): Promise<AnswerOf<C>> {
    const frame = encodeMessage(question as object);
    const ask = async () => {
      const answer = await withinDeadline(call.name, deadlineMs, signal, (stopped) =>
        this.registry.answer(call.name, frame, stopped),
      );
      return readAnswer(call, answer);
    };
    return inSpan(call.name, {}, ask);
  }
}
