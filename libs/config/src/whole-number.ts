import { z } from 'zod';

/** A whole number in decimal digits, both bounds included. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  return z
    .string()
    .transform((text, context) => {
      const number = /^\d{1,16}$/.test(text.trim()) ? Number(text) : Number.NaN;
      if (number >= least && number <= most) return number;
      const bounds = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
      context.addIssue(`must be a whole number, ${bounds}, and is ${JSON.stringify(text)}`);
      return z.NEVER;
    })
    .meta({ type: 'integer', minimum: least, ...(most === Number.MAX_SAFE_INTEGER ? {} : { maximum: most }) });
}

/** A TCP port; 0 is one that the system chooses. */
export const portNumber = () => wholeNumber(0, 65_535);

/** A timer that is set for longer rings at once: 32 bits of milliseconds, some 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** What only Postgres counts may be as long as anybody means. */
const LONGEST_MS = 3650 * 24 * 60 * 60 * 1000;

/** How many of something, at least one. */
export const count = (fallback: number, most?: number) => wholeNumber(1, most).prefault(String(fallback));

/** A size in bytes. */
export const bytes = (fallback: number, least = 1) => wholeNumber(least).prefault(String(fallback));

/** A time that a timer of this process is set for, in milliseconds. */
export const milliseconds = (fallback: number, least = 1) =>
  wholeNumber(least, LONGEST_TIMER_MS).prefault(String(fallback));

/** A time that Postgres counts, in milliseconds: up to ten years. */
export const storedMilliseconds = (fallback: number, least = 1) =>
  wholeNumber(least, LONGEST_MS).prefault(String(fallback));
