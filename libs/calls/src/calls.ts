import type { z } from 'zod';
import type { AnswerOf, Call } from '#contracts/define-call';

export interface AskOptions {
  /** Instead of the call's own deadline, in milliseconds. */
  readonly deadlineMs?: number;
  /** Whoever stops waiting says so here; the answer is then CANCELLED. */
  readonly signal?: AbortSignal;
}

/**
 * Asks another service. In process or over HTTP: the same encoding, deadline and error envelope, held by one suite.
 * Throws RegistryError: what the answering side threw, or TIMEOUT past the deadline (which means unknown: ask, never
 * compensate), UNAVAILABLE where nobody answers, CANCELLED.
 */
export abstract class Calls {
  abstract ask<C extends Call>(call: C, question: z.input<C['question']>, options?: AskOptions): Promise<AnswerOf<C>>;
}
