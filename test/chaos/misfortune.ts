/** Something that happens to one of those that run, and is over a while later. */
export interface Misfortune {
  readonly begin: () => Promise<void>;
  readonly end: () => Promise<void>;
  /** How long it lasts at the least and at the most, in milliseconds. */
  readonly lastsMs: readonly [least: number, most: number];
  /** How often it comes, as a share of how often the most usual one does. */
  readonly weight: number;
}

/** `kill -9`, and a new start by whoever watches over it. */
export const KILLED: Pick<Misfortune, 'lastsMs' | 'weight'> = { lastsMs: [0, 2_000], weight: 1 };
/** Longer than the leases of those who work; what it holds has gone to others when it goes on. */
export const LONGER_THAN_LEASES: Pick<Misfortune, 'lastsMs' | 'weight'> = { lastsMs: [3_500, 5_000], weight: 0.34 };
