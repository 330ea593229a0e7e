/** Numbers that a seed alone decides. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** One of its own for a part: what is drawn there changes nothing here. */
  static of(seed: number, part: string): Random {
    let state = seed >>> 0;
    for (const letter of part) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0;
    return new Random(state);
  }

  /** From 0 to below 1. */
  next(): number {
    // SplitMix32: a counter, mixed.
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error('there is nothing to pick from');
    return picked;
  }

  /** By weight. */
  weigh<T>(from: readonly (readonly [weight: number, what: T])[]): T {
    let left = this.next() * from.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, what] of from) {
      left -= weight;
      if (left < 0) return what;
    }
    return from.at(-1)![1];
  }

  shuffle<T>(from: readonly T[]): T[] {
    const all = [...from];
    for (let at = all.length - 1; at > 0; at -= 1) {
      const other = this.below(at + 1);
      [all[at], all[other]] = [all[other]!, all[at]!];
    }
    return all;
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.ceil(size / 4) * 4);
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(Math.floor(this.next() * 2 ** 32), at);
    return bytes.subarray(0, size);
  }
}
