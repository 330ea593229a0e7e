import type { Stretch } from '#calls/byte-plane';
import type { Extent } from '#contracts/calls/sessions';
import { MissingBytes } from '../driver/blob-driver';

/** The index of the extent that holds the byte at `position`, in extents ordered by offset; -1 if none does. */
export function extentAt(extents: readonly Extent[], position: number): number {
  let low = 0;
  let high = extents.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const extent = extents[middle]!;
    if (position < extent.offset) high = middle - 1;
    else if (position >= extent.offset + extent.length) low = middle + 1;
    else return middle;
  }
  return -1;
}

/** Where the gapless run of extents that holds `position` ends; `position` itself if none does. */
export function coveredUntil(extents: readonly Extent[], position: number): number {
  let end = position;
  for (let index = extentAt(extents, position); index >= 0 && index < extents.length; index += 1) {
    const extent = extents[index]!;
    if (extent.offset > end) break;
    end = extent.offset + extent.length;
  }
  return end;
}

export function byOffset(extents: readonly Extent[]): Extent[] {
  return [...extents].sort((one, other) => one.offset - other.offset);
}

/** Throws MissingBytes where rows do not hold every byte of the stretch. */
export function mustCover(extents: readonly Extent[], stretch: Stretch): void {
  const end = stretch.end === stretch.start ? stretch.end : coveredUntil(extents, stretch.start);
  if (end < stretch.end) throw new MissingBytes(`no extent holds byte ${end}`);
}
