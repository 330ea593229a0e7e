import { z } from 'zod';
import { BytesSchema, defineCall } from '../define-call';

/**
 * The next piece of the journal of repositories, manifests and tags, on its way into the store: lines of JSON. A segment
 * is never changed: taken again before it was said to be stored, it is the same, byte for byte. `bytes` is empty where
 * nothing waits; then `segment` is the number that the next one will have.
 */
export const TakeSegment = defineCall('metadata.take-segment', {
  question: z.object({}),
  answer: z.object({
    /** Whose journal it is, and of which life of its database. */
    installation: z.uuid(),
    generation: z.number().int().min(1),
    segment: z.number().int().min(1),
    bytes: BytesSchema,
  }),
});

/** A segment is in the store: its rows go. Repeating it is harmless, and so is one of a generation that is over. */
export const EndSegment = defineCall('metadata.end-segment', {
  question: z.object({
    segment: z.number().int().min(1),
    /** Which it was taken of; without it, of whichever there is. */
    generation: z.number().int().min(1).optional(),
  }),
  answer: z.object({}),
});

/**
 * The store has a journal of this generation that this database does not know: it was restored from a backup. A later
 * generation begins, and nothing is purged until the store was compared with it. Repeating it is harmless.
 */
export const NoteRestored = defineCall('metadata.note-restored', {
  question: z.object({ generation: z.number().int().min(1) }),
  answer: z.object({}),
});
