import { z } from 'zod';

export const GcConfigSchema = z.object({
  ENTREPOT_GC_SWEEP_MS: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_400_000)
    .default(30_000)
    .describe('how often the collector looks when nothing wakes it, in milliseconds'),
  ENTREPOT_GC_BATCH: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(200)
    .describe('reviews or purges taken at a time, a number'),
});

export type GcConfig = z.output<typeof GcConfigSchema>;

export const GC_CONFIG = Symbol('gc config');
