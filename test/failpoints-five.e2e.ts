import { describeWithPeers } from '#testing/peers';
import { Random } from '#testing/random';
import type { Coverage } from './failpoints/coverage';
import type { Death } from './failpoints/death-queue';
import { PATHS_OF_FIVE } from './failpoints/paths';
import { PLACES, type PlaceName } from './failpoints/places';
import { ONE_PROGRAM_ONLY, sourceSteps, uncovered } from './failpoints/source-points';
import { sweep } from './failpoints/sweep';

const MINUTES = 60_000;
const ALL_PLACES: readonly PlaceName[] = ['five services', 'five services on S3', 'five services on small messages'];
/** What CI walks: some paths on a folder, and some deaths on them. */
const SOME = { seed: 3, paths: 2, deaths: 4 };
/** Those whose time is that of the clock on the wall. */
const SLOW = new Set(['a schedule whose time comes', 'a slow pull']);
const { FAILPOINTS_SEED, FAILPOINTS_ALL } = process.env;
const SEED = Number(FAILPOINTS_SEED ?? SOME.seed);
const isAll = FAILPOINTS_ALL !== undefined;
const PLACES_NOW = isAll ? ALL_PLACES : ALL_PLACES.slice(0, 1);

describeWithPeers('kill -9 of the one service that passes a durable step', ['nats-server', 'minio'], () => {
  const steps = sourceSteps();
  const coverage: Coverage = { owned: new Set(PATHS_OF_FIVE.flatMap(({ owns }) => owns)), died: new Set() };

  async function sweepAt(name: PlaceName): Promise<string[]> {
    const random = Random.of(SEED, name);
    const place = await PLACES[name]();
    const began = Date.now();
    const say = (line: string) =>
      void process.stderr.write(`  ${((Date.now() - began) / 1000).toFixed(1)} s ${name}: ${line}\n`);
    const all = PATHS_OF_FIVE.filter((path) => path.place === name);
    const some = all.filter(({ name: path, after, isFirstStart }) => !SLOW.has(path) && !after && !isFirstStart);
    const choose = (deaths: Death[]) => (isAll ? deaths : random.shuffle(deaths).slice(0, SOME.deaths));
    const paths = isAll ? all : random.shuffle(some).slice(0, SOME.paths);
    return sweep(paths, coverage, place.victims, say, choose).finally(() => place.close());
  }

  it(
    'is mended by its next start, and what was asked for ends right',
    async () => {
      process.stderr.write(`  FAILPOINTS_SEED=${SEED}${isAll ? ', all of them' : ''}\n`);
      const faults = await Promise.all(PLACES_NOW.map(sweepAt));
      expect(faults.flat()).toEqual([]);
      expect(coverage.died.size).toBeGreaterThan(0);
      if (isAll) expect(uncovered(steps, coverage.died, ONE_PROGRAM_ONLY)).toEqual([]);
    },
    90 * MINUTES,
  );
});
