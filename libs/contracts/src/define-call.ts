import { z } from 'zod';

/**
 * Raw bytes in a question or an answer. A field named `bytes` travels outside the JSON, untouched:
 * manifests are answered byte for byte. At most one a message, at the top level.
 */
export const BytesSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** An internal question or command: who answers it, what is asked, what is answered. */
export interface Call<Question extends z.ZodType = z.ZodType, Answer extends z.ZodType = z.ZodType> {
  /** `<app>.<verb>-<noun>`: the app that answers, and what it does. */
  readonly name: `${AnsweringApp}.${string}`;
  readonly question: Question;
  readonly answer: Answer;
  /** How long the caller waits, in milliseconds, unless it says otherwise. */
  readonly deadlineMs: number;
}

export type AnsweringApp = 'metadata' | 'blobs' | 'fetcher' | 'gc';

export type QuestionOf<C extends Call> = z.output<C['question']>;
export type AnswerOf<C extends Call> = z.output<C['answer']>;

/** Calls are defined once; schema, types and address all come from this line. */
export function defineCall<Question extends z.ZodType, Answer extends z.ZodType>(
  name: Call['name'],
  definition: { question: Question; answer: Answer; deadlineMs?: number },
): Call<Question, Answer> {
  for (const schema of [definition.question, definition.answer]) refuseOtherBytes(name, schema);
  return { name, deadlineMs: 10_000, ...definition };
}

/** What travels as raw bytes must be raw bytes: anything else under that name would be cut out of the JSON, and lost. */
function refuseOtherBytes(name: string, schema: z.ZodType): void {
  const { bytes } = schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {};
  const raw = bytes instanceof z.ZodOptional ? bytes.unwrap() : bytes;
  if (raw === undefined || raw === BytesSchema) return;
  throw new Error(`${name}: a field at the top level that is named bytes must be a BytesSchema; name it otherwise`);
}
