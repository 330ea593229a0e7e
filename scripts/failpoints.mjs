// Kills the program at every durable step of the sources, before and after it. `npm run failpoints -- --shape five` kills
// the one service that passes the step, where five processes do the work; CI walks only a part of that.
import { parseArgs } from 'node:util';
import { runOneTest } from './run-jest.mjs';
import { setUp } from './setup.mjs';

const TESTS = { one: 'test/failpoints.e2e.ts', five: 'test/failpoints-five.e2e.ts' };

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: 'one' },
    /** Of five: some paths and deaths that it picks, and not all. */
    seed: { type: 'string' },
  },
});
const test = TESTS[values.shape];
if (!test) {
  console.error('--shape must be one or five');
  process.exit(2);
}

setUp(console.log);
if (values.seed === undefined) process.env.FAILPOINTS_ALL = 'yes';
else process.env.FAILPOINTS_SEED = values.seed;

await runOneTest(test);
