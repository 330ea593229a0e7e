import { throughRunning } from '#apps/standalone/src/running-program';
import type { Calls } from '#calls/calls';
import { isRegistryError } from '#oci/registry-error';
import { Entrepot, type Settings } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import type { ProgramExit } from '#testing/run-program';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import type { Answer } from '#testing/warehouse';
import { FactLog } from './fact-log';
import { type Actions, FailpointFile } from './failpoint-file';
import { QUICK } from './quick-settings';

/** The program is no more: what was asked of it has no answer. */
export class Died extends Error {
  override readonly name = 'Died';

  constructor(readonly exit: ProgramExit) {
    super(`the program has ended: ${exit.signal ?? exit.code}`);
  }
}

/** What has ended of its own accord is not what was killed. */
export const isKilled = (error: unknown): error is Died => error instanceof Died && error.exit.signal === 'SIGKILL';

let made = 0;

/** When its facts are looked for, and where, if not on the nats-server that it starts. */
interface FactsOf {
  readonly when: 'now' | 'late' | 'never';
  readonly natsUrl?: string;
}

/** A program that dies and is started again, and the upstream that it pulls from. */
export class Victim {
  readonly facts: FactLog;
  /** How often it was started. */
  life = 0;
  private dataFolder = 0;
  private entrepot: Entrepot | undefined;
  private exit: ProgramExit | undefined;

  private constructor(
    readonly upstream: ScriptedUpstream,
    private readonly failpoints: FailpointFile,
    private readonly place: (dataFolder: number) => Settings,
    facts: FactsOf,
  ) {
    this.facts = new FactLog(this, facts.when, facts.natsUrl);
  }

  /** With the settings of its place, which may differ for each data folder that it has. */
  static async on(place: (dataFolder: number) => Settings, facts: FactsOf = { when: 'now' }): Promise<Victim> {
    return new Victim(await ScriptedUpstream.start(), await FailpointFile.make(), place, facts);
  }

  get program(): Entrepot {
    if (!this.entrepot) throw new Error('it was never started');
    return this.entrepot;
  }

  /** Starts it, without waiting. */
  async launch(actions: Actions = {}, more: Settings = {}): Promise<void> {
    await this.kill();
    await this.arm(actions);
    this.life += 1;
    const settings = {
      ...QUICK,
      ...this.place(this.dataFolder),
      ...more,
      ENTREPOT_FAILPOINTS: this.failpoints.setting,
    };
    if (this.entrepot) this.entrepot.relaunch(settings);
    else this.entrepot = await Entrepot.launch(settings);
    this.exit = undefined;
    const { life } = this;
    void this.program.exited.then((exit) => {
      if (this.life === life) this.exit = exit;
    });
  }

  /** What happens at these points from now on, instead of what happened there before. */
  async arm(actions: Actions): Promise<void> {
    await this.failpoints.write(actions);
  }

  /** Waits until it answers. Throws Died. */
  async ready(): Promise<void> {
    await this.until('it is ready', () => isReady(this.program.url), 60_000);
  }

  get isOver(): boolean {
    return this.entrepot === undefined || this.exit !== undefined;
  }

  /** Resolves with how this life ends. */
  async death(): Promise<Died> {
    return new Died(await this.program.exited);
  }

  async kill(): Promise<void> {
    if (this.entrepot && !this.isOver) await this.entrepot.kill9();
  }

  /** As Ctrl-C ends it. Throws Died where it was killed instead. */
  async stop(): Promise<void> {
    const exit = await this.program.stop();
    if (exit.code !== 0) throw new Died(exit);
  }

  /** Forgets the data folder: the next launch is the first. */
  async forget(): Promise<void> {
    await this.entrepot?.destroy();
    this.entrepot = undefined;
    this.dataFolder += 1;
    this.facts.begin();
  }

  async end(): Promise<void> {
    await this.forget();
    await this.upstream.stop();
    await this.failpoints.remove();
  }

  get lastLines(): string {
    const lines = (this.entrepot?.log ?? '').split('\n').filter((line) => !line.startsWith('failpoint '));
    return lines.slice(-15).join('\n');
  }

  /** How much this life has said. */
  get said(): number {
    return this.program.log.length;
  }

  /** The points that this life has passed since it had said so much, in their order, and how often. */
  passed(since = 0): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [, point = ''] of this.program.log.slice(since).matchAll(/^failpoint (.+)$/gm)) {
      counts.set(point, (counts.get(point) ?? 0) + 1);
    }
    return counts;
  }

  /** Waits until this life has passed a step. Throws Died. */
  async passes(step: string, since = 0): Promise<void> {
    await this.until(`${step} is passed`, async () => this.passed(since).has(`${step}:after`));
  }

  /** Asks until the answer is good, for as long as this life lasts. Throws Died. */
  async until<T>(what: string, ask: () => Promise<T | undefined | null | false>, withinMs = 30_000): Promise<T> {
    const { life } = this;
    const isOver = () => this.life !== life || this.isOver;
    const answer = await eventually(what, async () => (isOver() ? OVER : ask()), { withinMs });
    if (answer !== OVER) return answer as T;
    throw await this.death();
  }

  /** Throws Died where the program is gone. */
  async ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.alive(() => this.program.ask(method, path, body, headers));
  }

  /** Asks the services what people do not. Throws Died where the program is gone. */
  async call<T>(run: (calls: Calls) => Promise<T>): Promise<T> {
    return this.alive(() => throughRunning(this.program.data, run));
  }

  newKey(what: string): string {
    made += 1;
    return `${what}-${made}`;
  }

  /** A connection that breaks is a death, if the program is found dead soon after. */
  async alive<T>(run: () => Promise<T>): Promise<T> {
    if (this.isOver) throw await this.death();
    try {
      return await run();
    } catch (error) {
      if (isRegistryError(error) && !isRegistryError(error, 'UNAVAILABLE', 'TIMEOUT')) throw error;
      const soon = new Promise<undefined>((resolve) => setTimeout(resolve, 1_000, undefined));
      const died = await Promise.race([this.death(), soon]);
      throw died ?? error;
    }
  }
}

const OVER = Symbol('over');

const READY_WITHIN_MS = 10_000;

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(READY_WITHIN_MS) })).ok;
}
