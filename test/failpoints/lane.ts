import { setTimeout as delay } from 'node:timers/promises';
import { fsck } from '#apps/standalone/src/fsck';
import type { Settings } from '#testing/entrepot';
import type { Coverage } from './coverage';
import type { Death, DeathQueue } from './death-queue';
import type { Path, Walk } from './path';
import { untilSettled } from './stored-objects';
import { Died, isKilled, type Victim } from './victim';

/** How it went: what is wrong, if anything, and how long it took in milliseconds. */
export type Tell = (what: string, tookMs: number, fault?: string) => void;

/** A walk that died. */
interface Pending {
  readonly path: Path;
  readonly walk: Walk;
  readonly what: string;
  /** How long it took to die, in milliseconds. */
  readonly tookMs: number;
}

/** How long a point that must be passed may take to come, once all that was asked for has come about, in milliseconds. */
const LATE_MS = 60_000;
const ALIVE = { code: null, signal: null };

/** The lives and deaths of one victim. */
export class Lane {
  /** The points that a start passes before it is ready. */
  byStart: readonly string[] = [];
  private pending: Pending | undefined;
  private settings: string | undefined;

  constructor(
    private readonly coverage: Coverage,
    private readonly victim: Victim,
    private readonly tell: Tell,
  ) {}

  /** Walks path after path where nothing dies, to see what each passes. */
  async look(paths: Path[], saw: (path: Path, points: string[]) => void): Promise<void> {
    for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
      const began = Date.now();
      const what = `${path.name}, where nothing dies`;
      try {
        saw(path, await this.lookAt(path));
        this.tell(what, Date.now() - began);
      } catch (error) {
        await this.fail(what, began, error);
      }
    }
  }

  /** Death after death. Each start mends what died before, and is then told where to die. */
  async die(queue: DeathQueue): Promise<void> {
    for (let death = queue.take(); death !== undefined; death = queue.take()) {
      const what = `${death.path.name}, killed at ${death.point}`;
      const began = Date.now();
      await this.dieAt(death, what).catch((error: unknown) => this.fail(what, began, error));
    }
    await this.settle().catch((error: unknown) => this.fail('the end', Date.now(), error));
  }

  private async lookAt(path: Path): Promise<string[]> {
    const { victim } = this;
    if (path.isFirstStart) await victim.forget();
    if (victim.isOver || JSON.stringify(path.settings) !== this.settings) {
      await this.start(path.settings);
      this.byStart = [...victim.passed().keys()];
    }
    const walk = await path.prepare(victim);
    const from = path.isFirstStart ? [] : victim.said;
    await victim.arm(walk.actions ?? {});
    await walk.run();
    if (!victim.isOver) for (const step of path.owns) await victim.passes(step, from);
    const points = [...victim.passed(from).keys()];
    if (victim.isOver) await this.launch(path.settings);
    await this.mustHold(walk);
    if (path.isFirstStart) await victim.forget();
    return points;
  }

  private async dieAt({ path, point, isOwn }: Death, what: string): Promise<void> {
    const walk = await this.begin(path, path.after ?? point);
    const began = Date.now();
    if (path.after) {
      if (!(await this.dies(walk.run, true))) throw new Error(`it should have died at ${path.after} before`);
      // It is a start of all of it that finds what was left.
      await this.victim.kill();
      await this.launch(path.settings, point);
    }
    const died = await this.dies(path.after ? walk.ends : walk.run, isOwn);
    if (!died && isOwn) throw new Error('it was not passed');
    if (died) this.coverage.died.add(point);
    const tookMs = Date.now() - began;
    this.pending = { path, walk, what: died ? what : `${what}, which was not passed`, tookMs };
  }

  /** A new walk of a program that is to die: the one that has mended what died last, or the first of its folder. */
  private async begin(path: Path, kill: string): Promise<Walk> {
    const { victim } = this;
    if (path.isFirstStart) {
      await this.settle();
      await victim.forget();
      const walk = await path.prepare(victim);
      await this.launch(path.settings, kill);
      return walk;
    }
    // What died is looked at under its own settings.
    if (JSON.stringify(path.settings) !== this.settings) await this.settle();
    await this.mend(path.settings);
    const walk = await path.prepare(victim);
    await victim.arm({ ...walk.actions, [kill]: 'kill' });
    return walk;
  }

  /** Whether it was killed meanwhile. What must be passed is waited for. */
  private async dies(work: () => Promise<void>, must: boolean): Promise<boolean> {
    try {
      await this.victim.ready();
      await work();
      if (!must) return false;
      throw (await Promise.race([this.victim.death(), delay(LATE_MS, undefined, { ref: false })])) ?? new Died(ALIVE);
    } catch (error) {
      // Whoever lives on says that another one is away.
      const died = error instanceof Died ? error : await this.victim.diesSoon();
      if (died) return isKilled(died);
      throw error;
    }
  }

  private async settle(): Promise<void> {
    if (this.pending) {
      await this.start(this.pending.path.settings);
      await this.conclude(this.pending);
    }
    if (!this.victim.isOver) await this.victim.facts.tellWaiting();
  }

  /** Starts it, and looks after what died. */
  private async mend(settings: Settings | undefined): Promise<void> {
    await this.start(settings);
    if (this.pending) await this.conclude(this.pending);
    if (this.victim.isOver) await this.start(settings);
  }

  /** Looks whether what must hold of a walk that died does: told of, and forgotten. */
  private async conclude({ path, walk, what, tookMs }: Pending): Promise<void> {
    const { victim } = this;
    const began = Date.now();
    this.pending = undefined;
    try {
      await this.mustHold(walk);
      if (path.isFirstStart) await victim.facts.tellWaiting();
      this.tell(what, tookMs + Date.now() - began);
      if (path.isFirstStart) await victim.forget();
    } catch (error) {
      await this.fail(what, began - tookMs, error);
    }
  }

  private async start(settings: Settings | undefined): Promise<void> {
    await this.launch(settings);
    await this.victim.ready();
  }

  private async mustHold(walk: Walk): Promise<void> {
    await this.victim.ready();
    await walk.ends();
    await untilSettled(this.victim);
    const faults = await this.victim.call((calls) => fsck(calls, { deep: true, say: () => undefined }));
    if (faults.length > 0) throw new Error(faults.map(({ line }) => line).join('\n'));
  }

  private async launch(settings: Settings | undefined, kill?: string): Promise<void> {
    this.settings = JSON.stringify(settings);
    await this.victim.launch(kill === undefined ? {} : { [kill]: 'kill' }, settings);
  }

  /** What is left of a walk that went wrong spoils no other. */
  private async fail(what: string, began: number, error: unknown): Promise<void> {
    this.tell(what, Date.now() - began, `${messageOf(error)}\n${this.victim.lastLines}`);
    this.pending = undefined;
    await this.victim.forget();
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${messageOf(error.cause)})`;
}
