import type { AnswerOf, Call } from '#contracts/define-call';
import { fromErrorEnvelope, internalFault } from '#oci/registry-error';
import { decodeMessage } from './encode-message';

/** Parses an answer's frame, or throws the error that the other side sent. */
export function readAnswer<C extends Call>(call: C, frame: Buffer): AnswerOf<C> {
  const { error, answer, bytes } = decodeMessage(frame);
  if (error !== undefined) throw fromErrorEnvelope(error);
  const parsed = call.answer.safeParse(bytes === undefined ? answer : { ...(answer as object), bytes });
  if (!parsed.success) throw internalFault(parsed.error);
  return parsed.data as AnswerOf<C>;
}
