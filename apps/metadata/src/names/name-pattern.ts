/** What a pattern of `*`, `**` and `?` asks of an index and of Postgres' `~`. */
export interface NamePattern {
  /** How every name that matches begins. */
  readonly start: string;
  /** Behind every name that begins so: no name has a character after `~`. */
  readonly end: string;
  /**
   * A sequence of characters and of stars, with no group, no choice and no reference back: Postgres reads a name by it
   * from left to right, once.
   */
  readonly regex: string;
}

/** Absent: everything matches. */
export function readPattern(pattern: string | undefined): NamePattern {
  const text = pattern ?? '**';
  const start = text.replace(/[*?].*$/, '');
  return { start, end: `${start}~`, regex: `^${text.replace(/\*+|[^A-Za-z0-9_]/g, toRegex)}$` };
}

function toRegex(part: string): string {
  if (part === '?') return '[^/]';
  if (part === '*') return '[^/]*';
  return part.startsWith('*') ? '.*' : `\\${part}`;
}

/** Names that one page looks at, at most: a filter that fits none of a million costs no more than one that fits all. */
export const MOST_LOOKED_AT = 10_000;

/** The same of images and containers: to look into one costs as much as several names. */
export const MOST_LOOKED_INTO = 2_000;

/**
 * Of rows that were asked for one more than `limit`: the page, and where the next one begins. `edge` is the last name
 * that was looked at where others lie behind it; null where all was.
 */
export function pageOf<Row>(
  rows: readonly Row[],
  { limit, edge, keyOf }: { limit: number; edge: string | null; keyOf: (row: Row) => string },
): { page: Row[]; next: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { page, next: rows.length > limit && last !== undefined ? keyOf(last) : edge };
}
