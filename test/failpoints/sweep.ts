import type { Coverage } from './coverage';
import { type Death, DeathQueue } from './death-queue';
import { Lane, type Tell } from './lane';
import type { Path } from './path';
import { sides } from './source-points';
import type { Victim } from './victim';

/** Has the victims of a place die at every point of its paths, one after the other. Gives what went wrong. */
export async function sweep(
  paths: readonly Path[],
  coverage: Coverage,
  victims: readonly Victim[],
  say: (line: string) => void,
  choose?: (deaths: Death[]) => Death[],
): Promise<string[]> {
  const faults: string[] = [];
  const tell: Tell = (what, tookMs, fault) => {
    say(`${what}: ${fault ? `FAILED: ${fault.split('\n')[0]}` : 'ok'}, ${tookMs} ms`);
    if (fault) faults.push(`${what}: ${fault}`);
  };
  const lanes = victims.map((victim) => new Lane(coverage, victim, tell));
  const byPath = new Map<Path, string[]>();
  const left = paths.filter(({ after }) => after === undefined);
  await Promise.all(lanes.map((lane) => lane.look(left, (path, points) => byPath.set(path, points))));
  for (const [{ name, owns }, points] of byPath) {
    const missed = owns.flatMap(sides).filter((point) => !points.includes(point));
    if (missed.length > 0) faults.push(`${name} does not pass ${missed.join(', ')}`);
  }
  const queue = new DeathQueue(paths, coverage.owned, { byPath, byStart: lanes[0]!.byStart }, coverage.died, choose);
  await Promise.all(lanes.map((lane) => lane.die(queue)));
  return faults;
}
