import type { Stretch } from '#calls/byte-plane';
import type { Extent } from '#contracts/calls/sessions';

/** What S3 wants of every part but the last, in bytes; it copies a range only of a key that has more. */
const LEAST_PART = 5 * 1024 * 1024;
const MOST_PARTS = 10_000;

/** The bytes of one part, as they lie in the object. */
export interface ComposedPart extends Stretch {
  /** The extent that the store copies them from; null: they lie in several, and are read and written again. */
  readonly copied: Extent | null;
}

/** The parts that make one key of these extents, which lie without a gap from 0 on. As few bytes as may be are rewritten. */
export function planComposing(extents: readonly Extent[]): ComposedPart[] {
  const size = extents.reduce((sum, { length }) => sum + length, 0);
  const least = Math.max(LEAST_PART, Math.ceil(size / MOST_PARTS));
  const parts: ComposedPart[] = [];
  /** Where a run begins that is still too short to be a part. */
  let run: number | null = null;
  for (const extent of extents) {
    const end = extent.offset + extent.length;
    let from = extent.offset;
    if (run === null && extent.length < least && end < size) run = from;
    if (run !== null) {
      from = headEnd(run + least, end, least);
      if (from - run < least && end < size) continue;
      parts.push({ start: run, end: from, copied: null });
      run = null;
    }
    if (from < end) parts.push({ start: from, end, copied: extent });
  }
  return parts;
}

/** How much of an extent a run takes: what it lacks, or all where the rest could not be copied by itself. */
function headEnd(full: number, end: number, least: number): number {
  return end - full >= least ? full : end;
}
