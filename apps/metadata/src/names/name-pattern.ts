/** What a pattern of `*` and `?` asks of an index and of Postgres' LIKE, which reads it in linear time. */
export interface NamePattern {
  /** How every name that matches begins. */
  readonly start: string;
  /** Behind every name that begins so: no name has a character after `~`. */
  readonly end: string;
  readonly like: string;
}

/** Absent: everything matches. */
export function readPattern(pattern: string | undefined): NamePattern {
  const text = pattern ?? '*';
  const start = text.replace(/[*?].*$/, '');
  const like = text
    .replace(/[%_\\]/g, '\\$&')
    .replace(/\*+/g, '%')
    .replace(/\?/g, '_');
  return { start, end: `${start}~`, like };
}

/** Names that one page looks at, at most: a filter that fits none of a million costs no more than one that fits all. */
export const MOST_LOOKED_AT = 10_000;

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
