/** Over how long a rate is measured, in milliseconds: long enough to be calm, short enough to be true. */
const WINDOW_MS = 5_000;

/** How fast something grows, from what was seen of it. */
export class RateMeter {
  private readonly seen: { readonly at: number; readonly bytes: number }[] = [];

  see(at: number, bytes: number): void {
    this.seen.push({ at, bytes });
    while (this.seen.length > 2 && (this.seen[1]?.at ?? at) <= at - WINDOW_MS) this.seen.shift();
  }

  /** Bytes a second up to `now`; undefined before there is anything to compare. */
  rate(now: number): number | undefined {
    const [first, last] = [this.seen[0], this.seen.at(-1)];
    if (!first || !last || now - first.at < 200) return undefined;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (now - first.at));
  }
}
