import { z } from 'zod';

const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** In UTC, to the millisecond; undefined for what is none, or not in the years 1970 to 9999, which everybody can keep. */
export function toMoment(text: string): string | undefined {
  const ms = Date.parse(text);
  return ms >= 0 && ms <= LAST_MS ? new Date(ms).toISOString() : undefined;
}

/** A moment that somebody says, as `toMoment` gives it. */
export const MomentSchema = z.iso
  .datetime({ offset: true, error: 'must be a moment of RFC 3339, such as 2026-01-31T12:00:00Z' })
  .refine((text) => toMoment(text) !== undefined, 'must be in the years 1970 to 9999')
  .overwrite((text) => toMoment(text) ?? text);
