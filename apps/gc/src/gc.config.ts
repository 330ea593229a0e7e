import { z } from 'zod';
import { count, milliseconds } from '#config/whole-number';

export const GcConfigSchema = z.object({
  ENTREPOT_GC_SWEEP_MS: milliseconds(30_000).describe(
    'how often the collector looks when nothing wakes it, in milliseconds',
  ),
  ENTREPOT_GC_PER_SECOND: count(2000, 1_000_000).describe(
    'reviews, purges and images of prunes that one process of gc does in a second at the most, a number',
  ),
  ENTREPOT_GC_BATCH: count(200, 1000).describe('reviews or purges taken at a time, a number'),
});

export type GcConfig = z.output<typeof GcConfigSchema>;

export const GC_CONFIG = Symbol('gc config');
