/** The earliest of some waits in milliseconds; null stands for none. */
export function soonest(...waits: Array<number | null>): number | null {
  const known = waits.filter((wait) => wait !== null);
  return known.length === 0 ? null : Math.min(...known);
}
