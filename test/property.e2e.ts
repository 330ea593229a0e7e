import fc from 'fast-check';
import { describeWithPeers } from '#testing/peers';
import { endLife } from './property/end';
import { Life } from './property/life';
import type { Model } from './property/model';
import { OPENING } from './property/opening';
import { Command } from './property/step';
import * as containers from './property/steps/container';
import * as prunes from './property/steps/prune';
import * as pulls from './property/steps/pull';
import { remove, removeOwn, removeUsed } from './property/steps/remove';
import { report } from './property/steps/report';
import { restore } from './property/steps/restore';
import * as tags from './property/steps/tag';
import * as time from './property/steps/time';
import { Warehouse } from './property/warehouse';

const STEPS_OF_A_LIFE = 40;
/** What CI lives through is the same each time: what is new is found by those who look for it. */
const SHORT = { steps: 100, seed: 1_438 };
const { PROPERTY_STEPS, PROPERTY_SEED, PROPERTY_PATH, PROPERTY_REPLAY } = process.env;
const LIVES = Math.max(1, Math.ceil(Number(PROPERTY_STEPS ?? SHORT.steps) / STEPS_OF_A_LIFE));
const SEED = Number(PROPERTY_SEED ?? SHORT.seed);
const SHRINKS = process.env.PROPERTY_SHRINK !== undefined;
const MINUTE = 60_000;
const LASTS = (5 + 5 * LIVES) * MINUTE;
/** A life that began just before the time was over ends. */
const LAST_LIFE = 5 * MINUTE;

const say = (line: string) => void process.stderr.write(`  ${line}\n`);

const steps = fc.oneof(
  { weight: 8, arbitrary: pulls.pull },
  { weight: 2, arbitrary: pulls.moveUpstream },
  { weight: 2, arbitrary: pulls.read },
  { weight: 7, arbitrary: tags.tag },
  { weight: 2, arbitrary: tags.untag },
  { weight: 2, arbitrary: tags.rollback },
  { weight: 4, arbitrary: containers.create },
  { weight: 3, arbitrary: containers.change },
  { weight: 1, arbitrary: containers.rename },
  { weight: 1, arbitrary: containers.removeContainer },
  { weight: 1, arbitrary: containers.pruneContainers },
  { weight: 3, arbitrary: report },
  { weight: 4, arbitrary: remove },
  { weight: 5, arbitrary: removeOwn },
  { weight: 3, arbitrary: removeUsed },
  { weight: 6, arbitrary: restore },
  { weight: 2, arbitrary: prunes.prune },
  { weight: 2, arbitrary: prunes.planPrune },
  { weight: 2, arbitrary: prunes.applyPlan },
  { weight: 3, arbitrary: time.wait },
  { weight: 1, arbitrary: time.goes },
  { weight: 1, arbitrary: time.kill },
);

describeWithPeers('whatever is done in whatever order, and whoever dies', ['nats-server'], () => {
  let warehouse: Warehouse | undefined;

  afterAll(async () => {
    await warehouse?.stop();
  }, 60_000);

  async function liveThrough(commands: Iterable<fc.AsyncCommand<Model, Life>>): Promise<void> {
    warehouse ??= await Warehouse.start();
    const life = await Life.begin(warehouse, say);
    try {
      for (const step of OPENING) await life.live(step.label, (each) => step.run(each));
      await fc.asyncModelRun(() => ({ model: life.model, real: life }), commands);
      await endLife(life);
    } catch (error) {
      say(`${(error as Error).message}\n${warehouse.lastLines}`);
      // What is left of a life that went wrong would be in the way of the next one.
      await warehouse.stop();
      warehouse = undefined;
      throw error;
    }
  }

  it(
    'two replicas answer what a plain model says, keep what is in use, and lose and leak nothing',
    async () => {
      say(`PROPERTY_SEED=${SEED}, ${LIVES} lives`);
      const some = fc.commands([steps.map((step) => new Command(step))], {
        maxCommands: STEPS_OF_A_LIFE,
        size: 'max',
        ...(PROPERTY_REPLAY === undefined ? {} : { replayPath: PROPERTY_REPLAY }),
      });
      let lived = 0;
      const all = fc.asyncProperty(some, async (commands) => {
        // After a path that leads to a life, its siblings would follow.
        if (PROPERTY_PATH !== undefined && !SHRINKS && lived > 0) throw new fc.PreconditionFailure(true);
        lived += 1;
        await liveThrough(commands);
      });
      await fc.assert(all, {
        seed: SEED,
        numRuns: LIVES,
        ...(PROPERTY_PATH === undefined ? {} : { path: PROPERTY_PATH }),
        ...(SHRINKS ? { skipAllAfterTimeLimit: LASTS } : {}),
        endOnFailure: !SHRINKS,
      });
    },
    LASTS + LAST_LIFE,
  );
});
