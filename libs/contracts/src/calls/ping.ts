import { z } from 'zod';
import { defineCall } from '../define-call';

/** Whoever asks whether all is well does not wait longer than this, in milliseconds. */
const deadlineMs = 2_000;

/** Whether Postgres answers on every kind of connection that metadata has. UNAVAILABLE otherwise. */
export const PingMetadata = defineCall('metadata.ping', { question: z.object({}), answer: z.object({}), deadlineMs });

/** Whether the store is there and can be written to. UNAVAILABLE otherwise. */
export const PingBlobs = defineCall('blobs.ping', {
  question: z.object({}),
  answer: z.object({
    /** What somebody should look after soon, though all that is stored is served still; null if there is nothing. */
    warning: z.string().nullable(),
  }),
  deadlineMs,
});
