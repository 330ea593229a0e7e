import type { Calls } from '#calls/calls';
import { ListStored } from '#contracts/calls/blobs';
import { ListObjects } from '#contracts/calls/collection';
import { compareStore, type Fault, type ObjectRow, type Stored } from './compare-store';

/** As many objects as are held in memory at once, of each side. */
const PAGE = 1000;

/** Objects after one id up to another one, as the store and as the database has them. */
export interface Slice {
  readonly stored: readonly Stored[];
  readonly rows: readonly ObjectRow[];
  /** What two looks agree on: whatever was on its way during the first is not wrong. */
  readonly faults: readonly Fault[];
}

/** Between these ids, the first left out; null: from the first, or to the last. */
interface Range {
  readonly after: string | null;
  readonly upTo: string | null;
}

/**
 * All objects, slice by slice, in the order of their ids. Of each slice the store is listed first and the rows are read
 * after: a key without a row then is an orphan, not a newcomer.
 */
export async function* readSlices(calls: Calls): AsyncGenerator<Slice> {
  let after: string | null = null;
  for (let cursor: string | undefined, more = true; more; ) {
    const { stored, next } = await listStored(calls, cursor);
    const last = next === null ? null : lastObject(stored);
    // A page of strays alone says nothing of any object.
    if (last === undefined) yield { stored, rows: [], faults: compareStore(stored, []) };
    else {
      for await (const slice of sliceRows(calls, { after, upTo: last }, stored, cursor)) yield slice;
      after = last;
    }
    more = next !== null;
    cursor = next ?? undefined;
  }
}

/** The rows of a page of the store, in as many slices as it takes: of a store that is empty there are many. */
async function* sliceRows(
  calls: Calls,
  range: Range,
  page: readonly Stored[],
  cursor: string | undefined,
): AsyncGenerator<Slice> {
  const strays = page.filter(({ object }) => object === null);
  for (let after = range.after, first = true; ; first = false) {
    const rows = await readRows(calls, after, range.upTo);
    const isLast = rows.length < PAGE;
    const upTo = isLast ? range.upTo : rows.at(-1)!.object;
    const stored = [...(first ? strays : []), ...within(page, { after, upTo })];
    const found = compareStore(stored, rows);
    const agreed = found.length > 0 ? await lookAgain(calls, { after, upTo }, cursor, first) : new Set<string>();
    yield { stored, rows, faults: found.filter(({ line }) => agreed.has(line)) };
    if (isLast) return;
    after = upTo;
  }
}

/** What is wrong at a second look at the same objects. */
async function lookAgain(
  calls: Calls,
  range: Range,
  cursor: string | undefined,
  withStrays: boolean,
): Promise<Set<string>> {
  const stored: Stored[] = [];
  for (let after = cursor, isOver = false; !isOver; ) {
    const page = await listStored(calls, after);
    stored.push(...within(page.stored, range), ...page.stored.filter(({ object }) => withStrays && object === null));
    const last = lastObject(page.stored);
    isOver = page.next === null || (range.upTo !== null && last !== undefined && last >= range.upTo);
    after = page.next ?? undefined;
  }
  const rows = await readRows(calls, range.after, range.upTo);
  return new Set(compareStore(stored, rows).map(({ line }) => line));
}

const within = (stored: readonly Stored[], { after, upTo }: Range): Stored[] =>
  stored.filter(
    ({ object }) => object !== null && (after === null || object > after) && (upTo === null || object <= upTo),
  );

const lastObject = (stored: readonly Stored[]): string | undefined =>
  stored.findLast(({ object }) => object !== null)?.object ?? undefined;

function listStored(calls: Calls, after: string | undefined) {
  return calls.ask(ListStored, { limit: PAGE, ...(after === undefined ? {} : { after }) });
}

/** A page of them at the most. */
async function readRows(calls: Calls, after: string | null, upTo: string | null): Promise<ObjectRow[]> {
  const { objects } = await calls.ask(ListObjects, { limit: PAGE, ...(after === null ? {} : { after }) });
  return upTo === null ? objects : objects.filter(({ object }) => object <= upTo);
}
