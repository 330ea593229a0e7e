import fc from 'fast-check';
import { anyDeath, COLLECTS, type Death } from '../how';
import { collect, windowEnds } from '../keep';
import type { Life } from '../life';
import type { Model } from '../model';
import type { Step } from '../step';
import { DAY, HOUR, MINUTE, TIMES } from '../times';

const MARGIN = 10 * MINUTE;
/** What was lost goes in these: a silent reporter's containers, their images, and at last the bytes. */
const AFTER = [TIMES.review + MARGIN, TIMES.review + MARGIN, TIMES.grace + MARGIN];
/** Whatever ends, ends before or long after: by no step until the next leap. */
const CLEAR = AFTER.reduce((sum, ms) => sum + ms, 0) + 3 * HOUR;

/**
 * At least so long, and more where a window would end soon after. Windows that leave absences out move along with one:
 * undefined where no absence is long enough.
 */
function leapOf(model: Model, leastMs: number, isAway: boolean): number | undefined {
  for (let ms = leastMs; ms < leastMs + 100 * DAY; ms += HOUR) {
    const to = model.at + ms;
    const absences = isAway ? [...model.absences, [model.at, to] as const] : model.absences;
    const ends = windowEnds({ ...model, absences });
    if (ends.every((end) => end < to - MARGIN || end > to + CLEAR)) return ms;
  }
  return undefined;
}

/** Time passes while all are there, or while nobody is; then all that goes has gone. */
export async function leap(life: Life, leastMs: number, isAway: boolean, death: Death | null = null): Promise<void> {
  const { clock } = life.warehouse;
  const absence = isAway ? leapOf(life.model, leastMs, true) : undefined;
  if (absence !== undefined) {
    const from = life.model.at;
    await life.away(() => clock.skip(absence));
    life.model.at = await clock.now();
    life.model.absences.push([from, life.model.at]);
    // Nobody could renew or be counted meanwhile: nothing goes yet.
    await life.compare();
  } else await clock.pass(leapOf(life.model, leastMs, false) ?? leastMs);
  await life.dying(death, async () => {
    await life.settled();
    for (const after of AFTER) {
      await clock.pass(after);
      await life.settled();
    }
  });
  life.model.at = await clock.now();
  collect(life.model);
}

export const wait: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom(8 * HOUR, 26 * HOUR, 31 * DAY, 31 * DAY),
    fc.constantFrom(false, false, true),
    anyDeath(COLLECTS, ['blobs.unlink-object', 'blobs.fsync-segment']),
  )
  .map(([ms, isAway, death]) => {
    const dies =
      death === null ? '' : `; ${death.replica} dies ${'point' in death ? death.point : `after ${death.afterMs} ms`}`;
    return {
      label: `${ms / HOUR} h pass${isAway ? ' while metadata is away' : ''}${dies}`,
      run: (life) => leap(life, ms, isAway, death),
    };
  });

/** What goes first of all goes when `why` says so: not two minutes before, and within a minute after. */
export const goes: fc.Arbitrary<Step> = fc.constant({
  label: 'what goes first goes when that was said',
  run: async (life) => {
    const { clock } = life.warehouse;
    const [first] = await life.departures();
    if (!first) return;
    const ms = first.goesAt - (await clock.now());
    if (ms > 2 * MINUTE) {
      await clock.pass(ms - 2 * MINUTE);
      await life.settled();
      expect({ ...first, isThere: await life.isThere(first) }).toEqual({ ...first, isThere: true });
      await clock.pass(2 * MINUTE);
    }
    await clock.pass(MINUTE);
    await life.settled();
    expect({ ...first, isThere: await life.isThere(first) }).toEqual({ ...first, isThere: false });
    life.model.at = await clock.now();
    await leap(life, HOUR, false);
  },
});

export const kill: fc.Arbitrary<Step> = fc
  .constantFrom('metadata-a', 'metadata-b', 'gateway-a', 'gateway-b', 'gc-a', 'gc-b', 'fetcher', 'blobs')
  .map((name) => ({ label: `${name} is killed`, run: (life) => life.warehouse.replica(name).kill() }));
