import { z } from 'zod';

/** CloudEvents 1.0 in structured JSON, the only content mode of its NATS binding. Unknown attributes are ignored. */
export const CloudEventSchema = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1).max(256),
  source: z.string().min(1).max(1024),
  type: z.string().min(1).max(256),
  subject: z.string().max(1024).optional(),
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: z.string().optional(),
  data: z.unknown(),
});
export type CloudEvent = z.output<typeof CloudEventSchema>;

/** A fact as it travels: the aggregate's revision lets a consumer drop what is not newer. */
export const FactEventSchema = CloudEventSchema.extend({
  subject: z.string(),
  time: z.iso.datetime({ offset: true }),
  /** The aggregate's revision: a decimal string, since it may pass 2^53. */
  revision: z.string().regex(/^\d+$/),
});
