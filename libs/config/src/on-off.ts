import { z } from 'zod';

const ON = ['true', 'on', 'yes', '1'];
const OFF = ['false', 'off', 'no', '0'];

/** A setting that is on or off. */
export function onOff() {
  return z.string().transform((text, context) => {
    const word = text.trim().toLowerCase();
    if (ON.includes(word)) return true;
    if (OFF.includes(word)) return false;
    context.addIssue(`must be on or off, and is ${JSON.stringify(text)}`);
    return z.NEVER;
  });
}
