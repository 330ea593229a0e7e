/**
 * How large the next extent of a writer becomes, in bytes. Nobody waits: the largest. Somebody follows: from the
 * first size on, doubling, so that followers on any replica have bytes soon and a large blob has few extents.
 */
export function growExtent(
  previous: number | null,
  followed: boolean,
  sizes: { first: number; largest: number },
): number {
  if (!followed) return sizes.largest;
  if (previous === null) return Math.min(sizes.first, sizes.largest);
  return Math.min(Math.max(previous, sizes.first) * 2, sizes.largest);
}
