// Kills whatever can die, at random and under load, and looks whether everything that was acknowledged is there.
// `npm run chaos -- --minutes 10 --seed 7`; the same seed does the same things in the same order. `--shape one` is the
// standalone program with its children; `--blows` says how often something
// happens, by default eleven times a minute.
import { parseArgs } from 'node:util';
import { runOneTest } from './run-jest.mjs';
import { setUp } from './setup.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    minutes: { type: 'string', default: '10' },
    shape: { type: 'string', default: 'five' },
    blows: { type: 'string' },
    clients: { type: 'string' },
  },
});
const isNumber = (text, most) => Number(text) > 0 && Number(text) <= most;
const faults = [
  isNumber(values.minutes, 24 * 60) || '--minutes must be a number up to 1440',
  ['one', 'five'].includes(values.shape) || '--shape must be one or five',
  values.blows === undefined || isNumber(values.blows, 10_000) || '--blows must be a number up to 10000',
  values.clients === undefined || isNumber(values.clients, 100) || '--clients must be a number up to 100',
].filter((fault) => fault !== true);
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(2);
}

setUp(console.log);
process.env.CHAOS_SEED = values.seed;
process.env.CHAOS_MINUTES = values.minutes;
process.env.CHAOS_SHAPE = values.shape;
if (values.blows !== undefined) process.env.CHAOS_BLOWS = values.blows;
if (values.clients !== undefined) process.env.CHAOS_CLIENTS = values.clients;

await runOneTest('test/chaos.e2e.ts');
