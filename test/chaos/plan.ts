import { Random } from '#testing/random';
import type { Misfortune } from './misfortune';

export interface Asked {
  readonly seed: number;
  readonly shape: 'one' | 'five';
  /** How long there is load at the least, in milliseconds. */
  readonly lastsMs: number;
  /** How often something happens. */
  readonly blows: number;
  readonly clients: number;
}

/** A misfortune and its time, in milliseconds. */
export interface Blow {
  readonly what: string;
  /** Since the load began: not before, nor before all works again after those before. */
  readonly at: number;
  /** Comes so long after the blow before it, whether that is mended or not; null for most. */
  readonly togetherMs: number | null;
  readonly lastsMs: number;
}

/** The last one is over before the load is. */
const QUIET_END = 0.05;
/** A share of them comes just after another one. */
const TOGETHER = 0.2;
const APART_MS = 400;

/** In an order that the seed alone decides, each as often as its weight says. */
export function planBlows(
  { seed, lastsMs, blows }: Asked,
  misfortunes: ReadonlyMap<string, Pick<Misfortune, 'lastsMs' | 'weight'>>,
): Blow[] {
  const random = Random.of(seed, 'blows');
  const order: string[] = [];
  while (order.length < blows) {
    const round = [...misfortunes].flatMap(([what, { weight }]) => (random.chance(weight) ? [what] : []));
    order.push(...random.shuffle(round));
  }
  const between = (lastsMs * (1 - QUIET_END)) / blows;
  // What has begun and is perhaps not over: nothing happens to one that it is happening to.
  const underWay = new Set<string>();
  return order.slice(0, blows).map((what, nth) => {
    const [least, most] = misfortunes.get(what)!.lastsMs;
    const together = nth > 0 && !underWay.has(what) && random.chance(TOGETHER);
    if (!together) underWay.clear();
    underWay.add(what);
    const at = Math.floor((nth + random.next() * 0.5) * between);
    const togetherMs = together ? random.below(APART_MS) : null;
    return { what, at, togetherMs, lastsMs: least + random.below(most - least) };
  });
}
