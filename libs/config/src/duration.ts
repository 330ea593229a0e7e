import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A length of time with its unit: `250ms`, `10s`, `5m`, `24h`, `30d`, or `0`. Gives whole milliseconds. */
export function duration() {
  return z.string().transform((text, context) => {
    const [, number, unit] = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text.trim() === '0' ? '0ms' : text.trim()) ?? [];
    const milliseconds = Math.round(Number(number) * (UNITS[unit ?? ''] ?? Number.NaN));
    if (Number.isSafeInteger(milliseconds)) return milliseconds;
    context.addIssue(
      `must be a time with its unit, such as 250ms, 10s, 5m, 24h or 30d, and is ${JSON.stringify(text)}`,
    );
    return z.NEVER;
  });
}
