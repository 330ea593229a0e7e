/**
 * How long the next attempt waits after this many have failed, in milliseconds: doubled each time up to the longest,
 * and up to a fifth less by chance (`random` from 0 to 1), so that what failed together does not come back together.
 */
export function backOffMs(
  attempts: number,
  { firstMs, longestMs }: { firstMs: number; longestMs: number },
  random: number,
): number {
  const wait = Math.min(longestMs, firstMs * 2 ** Math.min(30, Math.max(0, attempts - 1)));
  return Math.round(wait * (1 - random / 5));
}
