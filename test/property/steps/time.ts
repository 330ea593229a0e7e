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

/** At least so long, and more where a window would end soon after. `isAway` lengthens those that leave absences out. */
function leapOf(model: Model, leastMs: number, isAway: boolean): number {
  for (let ms = leastMs; ; ms += HOUR) {
    const to = model.at + ms;
    const absences = isAway ? [...model.absences, [model.at, to] as const] : model.absences;
    const ends = windowEnds({ ...model, absences });
    if (ends.every((end) => end < to - MARGIN || end > to + CLEAR)) return ms;
  }
}

/** Time passes while all are there, or while nobody is; then all that goes has gone. */
export async function leap(life: Life, leastMs: number, isAway: boolean, death: Death | null = null): Promise<void> {
  const { clock } = life.warehouse;
  const ms = leapOf(life.model, leastMs, isAway);
  if (isAway) {
    const from = life.model.at;
    await life.away(() => clock.skip(ms));
    life.model.at = await clock.now();
    life.model.absences.push([from, life.model.at]);
    // Nobody could renew or be counted meanwhile: nothing goes yet.
    await life.compare();
  } else await clock.pass(ms);
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
    fc.constantFrom(8 * HOUR, 8 * HOUR, 26 * HOUR, 31 * DAY),
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

export const kill: fc.Arbitrary<Step> = fc
  .constantFrom('metadata-a', 'metadata-b', 'gateway-a', 'gateway-b', 'gc-a', 'gc-b', 'fetcher', 'blobs')
  .map((name) => ({ label: `${name} is killed`, run: (life) => life.warehouse.replica(name).kill() }));
