import type { z } from 'zod';
import { invalidField, type RegistryError } from '#oci/registry-error';

/** Where a page ended that goes by a time and an id. */
export interface TimeCursor {
  /** Microseconds since 1970, as text: a Date would lose the last three digits. */
  readonly at: string;
  readonly id: string;
}

/** The years 1 to 9999: Postgres makes a time of each. */
const [FIRST, LAST] = [-62_135_596_800_000_000n, 253_402_300_799_999_999n];

/** Whether a cursor's number may be asked of Postgres, as a time or as it is. */
export function isCursorNumber(text: string): boolean {
  return /^-?\d{1,18}$/.test(text) && BigInt(text) >= FIRST && BigInt(text) <= LAST;
}

/** `<at>.<id>`. Throws INVALID for a cursor of another making. */
export function readTimeCursor(text: string, id: z.ZodType): TimeCursor {
  const [, at = '', of = ''] = /^([^.]+)\.(.+)$/.exec(text) ?? [];
  if (!isCursorNumber(at) || !id.safeParse(of).success) throw badCursor();
  return { at, id: of };
}

/** `more` of the rule, where there is some. */
export function badCursor(more = ''): RegistryError {
  return invalidField('after', `must be the \`next\` of the page before${more}`);
}
