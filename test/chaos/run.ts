import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '#testing/random';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { ACTIONS } from './actions';
import { audit, untilQuiet } from './audit';
import { Canary } from './canary';
import { Contents } from './contents';
import { startFive } from './five-stage';
import { Lane, type Surroundings } from './lane';
import { Losses } from './losses';
import { startOne } from './one-stage';
import { type Asked, planBlows } from './plan';
import { recoveryTable } from './recovery-table';
import type { Stage } from './stage';
import { Supervisor } from './supervisor';

export interface Result {
  /** What broke a promise, in lines. */
  readonly faults: readonly string[];
  /** Operations whose end was told to whoever asked for them. */
  readonly acknowledged: number;
  readonly reads: number;
  readonly blows: number;
}

const POPULAR = 4;

/** Load, deaths and other misfortunes by plan, quiet, and then everything that was acknowledged is looked for. */
export async function runChaos(asked: Asked, say: (line: string) => void): Promise<Result> {
  const upstream = await ScriptedUpstream.start();
  const stage = await (asked.shape === 'one' ? startOne() : startFive(asked.seed)).catch(async (error) => {
    await upstream.stop();
    throw error;
  });
  try {
    return await live(asked, stage, upstream, say);
  } catch (error) {
    say(stage.lastLines());
    throw error;
  } finally {
    await stage.stop();
    await upstream.stop();
  }
}

async function live(
  asked: Asked,
  stage: Stage,
  upstream: ScriptedUpstream,
  say: (line: string) => void,
): Promise<Result> {
  const around = surroundings(asked, stage, upstream);
  const canary = await holdCanary(around);
  const losses = await Losses.prepare(around);
  const lanes = Array.from({ length: asked.clients }, (_, nth) => new Lane(`lane-${nth + 1}`, around));
  const misfortunes = new Map([...stage.misfortunes, ...(losses?.misfortunes ?? [])]);
  const plan = planBlows(asked, misfortunes);
  const end = new AbortController();
  const began = Date.now();
  const supervisor = new Supervisor(stage, misfortunes, canary, say);
  const load = lanes.map((lane) =>
    lane.live(ACTIONS, end.signal).then(() => {
      if (lane.fault) say(`BROKEN at ${((Date.now() - began) / 1000).toFixed(1)} s: ${lane.fault}`);
      // Whoever was told what must not be ends it for all: what is left is looked at as it is.
      if (lane.fault) end.abort();
    }),
  );
  await supervisor.carryOut(plan, end.signal);
  await delay(Math.max(0, began + asked.lastsMs - Date.now()), undefined, { signal: end.signal }).catch(
    () => undefined,
  );
  end.abort();
  await Promise.all(load);
  const loadMs = Date.now() - began;
  const faults = lanes.flatMap(({ fault }) => fault ?? []);
  await untilQuiet(stage, lanes).catch((error: Error) => faults.push(`${error.message}: ${describe(error.cause)}`));
  await losses?.untilFound().catch((error: Error) => faults.push(`${error.message}: ${describe(error.cause)}`));
  faults.push(...(await audit(stage, lanes)), ...((await losses?.faults()) ?? []));
  const sum = (of: (lane: Lane) => number) => lanes.reduce((total, lane) => total + of(lane), 0);
  const acknowledged = sum(({ ledger }) => ledger.ended.length);
  const kills = supervisor.recoveries.filter(({ what }) => what.endsWith('is killed')).length;
  const reads = sum(({ ledger }) => ledger.reads);
  say(
    `${acknowledged} operations acknowledged and ${reads} images read (${(sum(({ ledger }) => ledger.bytesRead) / 1e6).toFixed(0)} MB) ` +
      `by ${lanes.length} clients in ${(loadMs / 1000).toFixed(0)} s, ${supervisor.recoveries.length} blows, ${kills} of them kills` +
      `${supervisor.endedAlone.length > 0 ? `; ended by themselves: ${supervisor.endedAlone.join(', ')}` : ''}`,
  );
  for (const line of recoveryTable(supervisor.recoveries)) say(line);
  if (faults.length > 0) say(stage.lastLines());
  return { faults, acknowledged, reads, blows: supervisor.recoveries.length };
}

function surroundings({ seed }: Asked, stage: Stage, upstream: ScriptedUpstream): Surroundings {
  const contents = new Contents(upstream, seed);
  const random = Random.of(seed, 'popular');
  const popular = Array.from({ length: POPULAR }, (_, nth) => {
    const path = `popular/${nth + 1}`;
    const image = contents.make(random, path);
    contents.offer(path, '1', image);
    return { path, image };
  });
  return { stage, upstream, contents, seed, popular };
}

/** What a canary reads is here whole before anybody dies. */
async function holdCanary(around: Surroundings): Promise<Canary> {
  const path = 'canary/held';
  const image = around.contents.make(Random.of(around.seed, path), path);
  around.contents.offer(path, '1', image);
  const { warehouse } = around.stage;
  await warehouse.completed(await warehouse.pull(`${around.upstream.domain}/${path}:1`));
  return new Canary(around, { path, image });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? '';
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
