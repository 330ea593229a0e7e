import { describeWithPeers } from '#testing/peers';
import type { Asked } from './chaos/plan';
import { runChaos } from './chaos/run';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** What CI lives through each time: most of what can happen does. */
const SHORT = { seed: 407, minutes: 0.4, blows: 12 };
const { CHAOS_SEED, CHAOS_MINUTES, CHAOS_SHAPE, CHAOS_BLOWS, CHAOS_CLIENTS } = process.env;

const seed = Number(CHAOS_SEED ?? SHORT.seed);
const minutes = Number(CHAOS_MINUTES ?? SHORT.minutes);
const asked: Asked = {
  seed,
  shape: CHAOS_SHAPE === 'one' ? 'one' : 'five',
  lastsMs: minutes * MINUTE,
  blows: Number(CHAOS_BLOWS ?? (CHAOS_MINUTES === undefined ? SHORT.blows : Math.round(minutes * 11))),
  clients: Number(CHAOS_CLIENTS ?? 6),
};
const say = (line: string) => void process.stderr.write(`  ${line}\n`);

describeWithPeers('whoever dies at whatever moment, under load', ['nats-server', 'minio'], () => {
  it(
    'what was acknowledged is there byte for byte, each request has one effect, and nothing leaks',
    async () => {
      say(`CHAOS_SEED=${asked.seed}, shape ${asked.shape}, ${minutes} min, ${asked.blows} blows`);
      const { faults, acknowledged, blows } = await runChaos(asked, say);
      expect(faults).toEqual([]);
      expect(acknowledged).toBeGreaterThan(0);
      expect(blows).toBe(asked.blows);
    },
    asked.lastsMs + 20 * MINUTE,
  );
});
