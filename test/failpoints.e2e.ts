import { describeWithPeers } from '#testing/peers';
import type { Coverage } from './failpoints/coverage';
import { PATHS } from './failpoints/paths';
import { PLACES, type PlaceName } from './failpoints/places';
import { sourceSteps, uncovered } from './failpoints/source-points';
import { sweep } from './failpoints/sweep';

const MINUTES = 60_000;
/** At once: what waits for leases to run out leaves the machine to the others. */
const PLACES_NOW: readonly PlaceName[] = ['folder', 's3', 'shared servers', 'small messages'];

describeWithPeers('kill -9 before and after every durable step', ['nats-server', 'minio'], () => {
  const steps = sourceSteps();
  const coverage: Coverage = { owned: new Set(PATHS.flatMap(({ owns }) => owns)), died: new Set() };

  async function sweepAt(name: PlaceName): Promise<string[]> {
    const place = await PLACES[name]();
    const began = Date.now();
    const say = (line: string) =>
      void process.stderr.write(`  ${((Date.now() - began) / 1000).toFixed(1)} s ${name}: ${line}\n`);
    const paths = PATHS.filter((path) => path.place === name);
    return sweep(paths, coverage, place.victims, say).finally(() => place.close());
  }

  it(
    'the next start mends it, and what was asked for ends right',
    async () => {
      const faults = await Promise.all(PLACES_NOW.map(sweepAt));
      expect(faults.flat()).toEqual([]);
    },
    60 * MINUTES,
  );

  it('no step of the sources is left out', () => {
    expect(uncovered(steps, coverage.died)).toEqual([]);
  });
});
