import { setTimeout as delay } from 'node:timers/promises';
import type { Canary } from './canary';
import type { Blow } from './plan';
import type { Stage } from './stage';

/** Milliseconds since it happened. */
export interface Recovery {
  readonly what: string;
  /** Until it was over: who was killed is started again. */
  readonly lastsMs: number;
  /** Until every gateway gave an image that is here. */
  readonly readsMs: number;
  /** Until an image that a message asked for was here. */
  readonly worksMs: number;
}

const LOOK_MS = 100;
const seconds = (ms: number) => (ms / 1000).toFixed(1);

/** Has happen what was planned, and starts again whatever has ended: as Compose and a service manager do. */
export class Supervisor {
  readonly recoveries: Recovery[] = [];
  /** Who ended without being killed, and was started again. */
  readonly endedAlone: string[] = [];
  private readonly recovering: Promise<void>[] = [];
  private isOver = false;

  constructor(
    private readonly stage: Stage,
    /** By what they are called. */
    private readonly misfortunes: Stage['misfortunes'],
    private readonly canary: Canary,
    private readonly say: (line: string) => void,
  ) {}

  /** Resolves when the last blow is over, and all works; or when it is told that there is no load any more. */
  async carryOut(plan: readonly Blow[], signal: AbortSignal): Promise<void> {
    const began = Date.now();
    const watching = this.watch();
    try {
      for (const blow of plan) {
        if (blow.togetherMs === null) await Promise.all(this.recovering);
        const waitMs = blow.togetherMs ?? began + blow.at - Date.now();
        await delay(Math.max(0, waitMs), undefined, { signal }).catch(() => undefined);
        if (signal.aborted) break;
        this.recovering.push(this.strike(blow, Date.now() - began));
      }
      await Promise.all(this.recovering);
    } finally {
      this.isOver = true;
      await watching;
    }
  }

  private async strike({ what, lastsMs }: Blow, at: number): Promise<void> {
    const { begin, end } = this.misfortunes.get(what)!;
    const since = Date.now();
    await begin();
    const recovered = Promise.all([this.canary.reads(since), this.canary.works(since)]);
    recovered.catch(() => undefined);
    await delay(lastsMs);
    await end();
    const [readsMs, worksMs] = await recovered;
    this.say(`${seconds(at)} s: ${what}, for ${seconds(lastsMs)} s; all works again after ${seconds(worksMs)} s`);
    this.recoveries.push({ what, lastsMs, readsMs, worksMs });
  }

  private async watch(): Promise<void> {
    while (!this.isOver) {
      for (const name of this.stage.ended()) {
        this.endedAlone.push(name);
        this.say(`${name} has ended, and is started again; ${this.stage.lastLines(name)}`);
        await this.stage.revive(name);
      }
      await delay(LOOK_MS);
    }
  }
}
