import { Random } from './random';

export interface Asked {
  readonly seed: number;
  readonly shape: 'one' | 'five';
  /** How long there is load, in milliseconds. */
  readonly lastsMs: number;
  readonly kills: number;
  /** Clients at once. */
  readonly lanes: number;
}

/** Somebody dies, and is started again a while later. Times are milliseconds. */
export interface Kill {
  readonly victim: string;
  /** Since the load began: not before, nor before all works again after those who died before. */
  readonly at: number;
  /** Comes so long after the death before it, whether that is mended or not; null for most. */
  readonly togetherMs: number | null;
  readonly downMs: number;
}

/** The last deaths are over before the load is. */
const QUIET_END = 0.05;
const LONGEST_DOWN_MS = 2_000;
/** A share of the deaths comes just after another one. */
const TOGETHER = 0.2;
const APART_MS = 400;

/** Everybody dies as often as everybody else, in an order that the seed alone decides. */
export function planKills({ seed, lastsMs, kills }: Asked, victims: readonly string[]): Kill[] {
  const random = Random.of(seed, 'kills');
  const order: string[] = [];
  while (order.length < kills) order.push(...random.shuffle(victims));
  const between = (lastsMs * (1 - QUIET_END)) / kills;
  return order.slice(0, kills).map((victim, nth) => {
    const together = nth > 0 && order[nth - 1] !== victim && random.chance(TOGETHER);
    const at = Math.floor((nth + random.next() * 0.5) * between);
    return { victim, at, togetherMs: together ? random.below(APART_MS) : null, downMs: random.below(LONGEST_DOWN_MS) };
  });
}
