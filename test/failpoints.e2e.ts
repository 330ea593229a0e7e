import { describeWithPeers } from '#testing/peers';
import type { Coverage } from './failpoints/coverage';
import { PATHS } from './failpoints/paths';
import { PLACES, type PlaceName } from './failpoints/places';
import { sourceSteps, uncovered } from './failpoints/source-points';
import { sweep } from './failpoints/sweep';

const MINUTES = 60_000;
/** Places at once: what waits for leases to run out leaves the machine to the others. */
const TURNS: readonly (readonly PlaceName[])[] = [['folder'], ['s3', 'shared servers', 'small messages']];

describeWithPeers('kill -9 before and after every durable step', ['nats-server', 'minio'], () => {
  const steps = sourceSteps();
  const coverage: Coverage = { owned: new Set(PATHS.flatMap(({ owns }) => owns)), died: new Set() };
  let turns = 0;

  async function sweepAt(name: PlaceName): Promise<string[]> {
    const place = await PLACES[name]();
    const began = Date.now();
    const say = (line: string) =>
      void process.stderr.write(`  ${((Date.now() - began) / 1000).toFixed(1)} s ${line}\n`);
    const paths = PATHS.filter((path) => path.place === name);
    return sweep(paths, coverage, place.victims, say).finally(() => place.close());
  }

  it.each(TURNS.map((names) => ({ names })))(
    '$names: the next start mends it, and what was asked for ends right',
    async ({ names }) => {
      const faults = await Promise.all(names.map(sweepAt));
      turns += 1;
      expect(faults.flat()).toEqual([]);
    },
    30 * MINUTES,
  );

  it('no step of the sources is left out', () => {
    expect(turns).toBe(TURNS.length);
    expect(uncovered(steps, coverage.died)).toEqual([]);
  });
});
