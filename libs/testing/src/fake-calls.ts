import type { z } from 'zod';
import { type AskOptions, Calls } from '#calls/calls';
import type { AnswerOf, Call, QuestionOf } from '#contracts/define-call';
import { unavailable } from '#oci/registry-error';

type Reply<C extends Call> = (
  question: QuestionOf<C>,
  options: AskOptions,
) => z.input<C['answer']> | Promise<z.input<C['answer']>>;

/** Answers calls from functions that a test registers; both sides are checked by the call's own schemas. */
export class FakeCalls extends Calls {
  /** Every question, in order. */
  readonly asked: { readonly name: string; readonly question: unknown }[] = [];
  private readonly replies = new Map<string, Reply<Call>>();

  on<C extends Call>(call: C, reply: Reply<C>): this {
    this.replies.set(call.name, reply as Reply<Call>);
    return this;
  }

  /** The questions of one call. */
  questions<C extends Call>(call: C): QuestionOf<C>[] {
    return this.asked.filter(({ name }) => name === call.name).map(({ question }) => question as QuestionOf<C>);
  }

  override async ask<C extends Call>(
    call: C,
    question: z.input<C['question']>,
    options: AskOptions = {},
  ): Promise<AnswerOf<C>> {
    const parsed = call.question.parse(question) as QuestionOf<C>;
    this.asked.push({ name: call.name, question: parsed });
    const reply = this.replies.get(call.name);
    if (!reply) throw unavailable(call.name);
    return call.answer.parse(await reply(parsed, options)) as AnswerOf<C>;
  }
}
