// Lives through random steps on the real services beside a plain model, for as long as is asked for, and says each step.
// `npm run property -- --steps 2000`; a failure prints what lives it again: `--seed S --path P [--replay R]`, and
// `--shrink` looks for a shorter life that fails too, for as long as so many steps may last.
import { parseArgs } from 'node:util';
import { runOneTest } from './run-jest.mjs';
import { setUp } from './setup.mjs';

const MOST_STEPS = 100_000;

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    path: { type: 'string' },
    replay: { type: 'string' },
    shrink: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);
if (!Number.isInteger(steps) || steps < 1 || steps > MOST_STEPS) {
  console.error(`--steps must be a whole number from 1 to ${MOST_STEPS}`);
  process.exit(2);
}

setUp(console.log);
process.env.PROPERTY_STEPS = values.steps;
process.env.PROPERTY_SEED = values.seed;
if (values.path !== undefined) process.env.PROPERTY_PATH = values.path;
if (values.replay !== undefined) process.env.PROPERTY_REPLAY = values.replay;
if (values.shrink) process.env.PROPERTY_SHRINK = 'yes';

await runOneTest('test/property.e2e.ts');
