import { z } from 'zod';
import { BytesSchema, defineCall } from '../define-call';

const sequence = z.number().int().min(1);

/** A message that could not be handled. `sequence` names it among the dead letters. */
export const DeadLetterSchema = z.object({
  sequence,
  /** Where it was published, and the stream that kept it. */
  subject: z.string(),
  stream: z.string(),
  reason: z.string(),
  deliveries: z.number().int(),
  diedAt: z.iso.datetime(),
  /** The id it was published under. */
  messageId: z.string().nullable(),
  /** Of the payload as it was published, in bytes. */
  size: z.number().int(),
  /** Only the beginning of its payload is kept: it cannot be replayed. */
  cut: z.boolean(),
});

export type DeadLetter = z.output<typeof DeadLetterSchema>;

/** Messages that could not be handled, the oldest first. UNAVAILABLE without NATS, as for all calls about them. */
export const ListDeadLetters = defineCall('metadata.list-dead-letters', {
  question: z.object({ after: z.number().int().min(0).optional(), limit: z.number().int().min(1).max(1000) }),
  answer: z.object({
    letters: z.array(DeadLetterSchema),
    /** What `after` is for the next page; null where there is none. */
    next: z.number().int().nullable(),
  }),
  deadlineMs: 60_000,
});

/** One of them, with its headers and its payload. NOT_FOUND. */
export const ReadDeadLetter = defineCall('metadata.read-dead-letter', {
  question: z.object({ sequence }),
  answer: DeadLetterSchema.extend({ headers: z.record(z.string(), z.array(z.string())), bytes: BytesSchema }),
});

/** Publishes it again as it came, under the id it had, and drops it. NOT_FOUND; CONFLICT where its payload was cut. */
export const ReplayDeadLetter = defineCall('metadata.replay-dead-letter', {
  question: z.object({ sequence }),
  answer: z.object({}),
});

/** Throws it away for good. NOT_FOUND. */
export const DropDeadLetter = defineCall('metadata.drop-dead-letter', {
  question: z.object({ sequence }),
  answer: z.object({}),
});
