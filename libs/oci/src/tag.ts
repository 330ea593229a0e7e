import { z } from 'zod';
import { tagInvalid } from './registry-error';

const LONGEST_TAG = 128;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** OCI distribution specification, `<reference>` as a tag. */
export const TagSchema = z
  .string()
  .regex(TAG, 'must be 1 to 128 letters, digits, "_", "." or "-", not beginning with "." or "-"')
  .brand<'Tag'>();

export type Tag = z.infer<typeof TagSchema>;

export function isTag(text: string): text is Tag {
  return TAG.test(text);
}

/** Throws NAME_INVALID, naming the rule that is broken. */
export function parseTag(text: string): Tag {
  if (isTag(text)) return text;
  throw tagInvalid(text, brokenRule(text));
}

function brokenRule(text: string): string {
  if (text === '') return 'must not be empty';
  if (text.length > LONGEST_TAG) return `must have at most ${LONGEST_TAG} characters, not ${text.length}`;
  if (/^[.-]/.test(text)) return 'must begin with a letter, a digit or "_"';
  return 'may have only letters, digits, "_", "." and "-"';
}
