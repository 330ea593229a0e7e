/** Bytes of what differs in size among the rows of one answer, but for its last row. */
const MOST_BYTES = 4 * 1024 * 1024;

/** On each row of a bounded page: how many rows there were before it was bounded. */
export interface Bounded {
  readonly found: number;
}

/**
 * The first of `rows` in this order, as many as fit into an answer: a page of large ones is short, and has a next one.
 * `weight` is SQL for the bytes of a row; a page has one row at least.
 */
export const boundedPage = (rows: string, weight: string, order: string) => `
  SELECT * FROM (
    SELECT listed.*, count(*) OVER ()::int AS found, weight, sum(weight) OVER (ORDER BY ${order}) AS through
    FROM (${rows}) AS listed, LATERAL (SELECT ${weight} AS weight) AS own) AS weighed
  WHERE through - weight < ${MOST_BYTES} ORDER BY ${order}`;

/** Of rows that were asked for with one more than the limit: the page, and its last row where more follow. */
export function pageOf<Row extends Bounded>(rows: readonly Row[], limit: number) {
  const page = rows.slice(0, limit);
  return { page, last: (rows[0]?.found ?? 0) > page.length ? page.at(-1) : undefined };
}
