import { z } from 'zod';

/** A whole number in decimal digits, both bounds included. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  return z.string().transform((text, context) => {
    const number = /^\d{1,16}$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    const bounds = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
    context.addIssue(`must be a whole number, ${bounds}, and is ${JSON.stringify(text)}`);
    return z.NEVER;
  });
}

/** A TCP port; 0 is one that the system chooses. */
export const portNumber = () => wholeNumber(0, 65_535);
