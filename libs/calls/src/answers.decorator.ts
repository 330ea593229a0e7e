import type { AnswerOf, Call, QuestionOf } from '#contracts/define-call';

/** Where the decorator keeps a method's call, for whoever serves it. */
export const ANSWERS = Symbol('answers');

export interface Answering {
  /** Aborted when the asker gave up or its deadline passed. */
  readonly signal: AbortSignal;
}

type Handler<C extends Call> = (question: QuestionOf<C>, asking: Answering) => Promise<AnswerOf<C>>;

/** Marks the controller method that answers this call; its shape is checked against the call's schemas. */
export function Answers<C extends Call>(call: C) {
  return <T extends Handler<C>>(
    _target: object,
    _name: string | symbol,
    descriptor: TypedPropertyDescriptor<T>,
  ): void => {
    if (descriptor.value) Reflect.defineMetadata(ANSWERS, call, descriptor.value);
  };
}
