import { setTimeout as delay } from 'node:timers/promises';
import type { Calls } from '#calls/calls';
import { isRegistryError } from '#oci/registry-error';
import type { Settings } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import type { ProgramExit } from '#testing/run-program';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import type { Answer } from '#testing/warehouse';
import { FactLog } from './fact-log';
import { type Actions, FailpointFile } from './failpoint-file';
import type { Launch, Program } from './program';
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

/** How much each process had said, in characters. */
export type Said = readonly number[];

export interface VictimOptions {
  readonly launch: Launch;
  /** When its facts are looked for. */
  readonly when: 'now' | 'late' | 'never';
  /** Where they are, if not on the nats-server that it has. */
  readonly natsUrl?: string;
}

/** A program that dies and is started again, and the upstream that it pulls from. */
export class Victim {
  readonly facts: FactLog;
  /** How often it was started. */
  life = 0;
  private dataFolder = 0;
  private current: Program | undefined;
  private exit: ProgramExit | undefined;
  private settings: Settings = {};

  private constructor(
    readonly upstream: ScriptedUpstream,
    private readonly failpoints: FailpointFile,
    private readonly place: (dataFolder: number) => Settings,
    private readonly options: VictimOptions,
  ) {
    this.facts = new FactLog(this, options.when, options.natsUrl);
  }

  /** With the settings of its place, which may differ for each data folder that it has. */
  static async on(place: (dataFolder: number) => Settings, options: VictimOptions): Promise<Victim> {
    return new Victim(await ScriptedUpstream.start(), await FailpointFile.make(), place, options);
  }

  get program(): Program {
    if (!this.current) throw new Error('it was never started');
    return this.current;
  }

  /** Starts what has ended of it, without waiting; all of it where its settings are others now. */
  async launch(actions: Actions = {}, more: Settings = {}): Promise<void> {
    await this.arm(actions);
    this.life += 1;
    const settings: Settings = {
      ...QUICK,
      ...this.place(this.dataFolder),
      ...more,
      ENTREPOT_FAILPOINTS: this.failpoints.setting,
    };
    const isChanged = JSON.stringify(settings) !== JSON.stringify(this.settings);
    if (isChanged || this.current?.diesWhole) await this.kill();
    this.settings = settings;
    if (this.current) await this.current.relaunch(settings);
    else this.current = await this.options.launch(settings);
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
    await this.until('it is ready', async () =>
      (await Promise.all(this.program.processUrls.map(isReady))).every(Boolean),
    );
  }

  /** How often an upstream may be asked for one thing since the life that was `first`: once in each. */
  mayAsk(first: number): number {
    return this.program.diesWhole ? this.life - first + 1 : Number.POSITIVE_INFINITY;
  }

  get isOver(): boolean {
    return this.current === undefined || this.exit !== undefined;
  }

  /** Resolves with how this life ends. */
  async death(): Promise<Died> {
    return new Died(await this.program.exited);
  }

  /** All of it, if it runs. */
  async kill(): Promise<void> {
    await this.current?.kill();
  }

  /** As Ctrl-C ends it. Throws Died where it was killed instead. */
  async stop(): Promise<void> {
    const exit = await this.program.stop();
    if (exit.code !== 0) throw new Died(exit);
  }

  /** Forgets the data folder: the next launch is the first. */
  async forget(): Promise<void> {
    await this.current?.destroy();
    this.current = undefined;
    this.dataFolder += 1;
    this.facts.begin();
  }

  async end(): Promise<void> {
    await this.forget();
    await this.upstream.stop();
    await this.failpoints.remove();
  }

  get lastLines(): string {
    const lines = (this.current?.log ?? '').split('\n').filter((line) => !line.startsWith('failpoint '));
    return lines.slice(-15).join('\n');
  }

  /** How much this life has said. */
  get said(): Said {
    return this.program.errors.map(({ length }) => length);
  }

  /** The points that this life has passed since it had said so much, in their order, and how often. */
  passed(since: Said = []): Map<string, number> {
    const counts = new Map<string, number>();
    const text = this.program.errors.map((said, process) => said.slice(since[process])).join('\n');
    for (const [, point = ''] of text.matchAll(/^failpoint (.+)$/gm)) {
      counts.set(point, (counts.get(point) ?? 0) + 1);
    }
    return counts;
  }

  /** Waits until this life has passed a step. Throws Died. */
  async passes(step: string, since: Said = []): Promise<void> {
    await this.until(`${step} is passed`, async () => this.passed(since).has(`${step}:after`));
  }

  /** Asks until the answer is good, for as long as this life lasts. Throws Died. */
  async until<T>(
    what: string,
    ask: () => Promise<T | undefined | null | false>,
    withinMs = ENDS_WITHIN_MS,
  ): Promise<T> {
    const { life } = this;
    const isOver = () => this.life !== life || this.isOver;
    const answer = await eventually(what, async () => (isOver() ? OVER : ask()), { withinMs, everyMs: EVERY_MS });
    if (answer !== OVER) return answer as T;
    throw await this.death();
  }

  /** Throws Died where the program is gone. */
  async ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.alive(() => this.program.ask(method, path, body, headers));
  }

  /** Asks the services what people do not. Throws Died where the program is gone. */
  async call<T>(run: (calls: Calls) => Promise<T>): Promise<T> {
    return this.alive(() => this.program.call(run));
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
      throw (await this.diesSoon()) ?? error;
    }
  }

  /** Its death, if it is found dead in a moment: others see its connections close before its end is known. */
  async diesSoon(): Promise<Died | undefined> {
    return Promise.race([this.death(), delay(DIES_WITHIN_MS, undefined, { ref: false })]);
  }
}

const OVER = Symbol('over');

/** Several ask at once, and each question is work for those who are to do something else. */
const EVERY_MS = 100;
/** So much that only what never comes takes it: many are at work at once. */
const ENDS_WITHIN_MS = 120_000;
const DIES_WITHIN_MS = 5_000;
const ANSWERS_WITHIN_MS = 10_000;

async function isReady(url: string): Promise<true> {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) });
  if (!answer.ok) throw new Error(await answer.text());
  return true;
}
