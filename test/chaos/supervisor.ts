import { setTimeout as delay } from 'node:timers/promises';
import type { Canary } from './canary';
import type { Kill } from './plan';
import type { Stage } from './stage';

/** Milliseconds since it was killed. */
export interface Recovery {
  readonly victim: string;
  /** Until it was started again. */
  readonly downMs: number;
  /** Until every gateway gave an image that is here. */
  readonly readsMs: number;
  /** Until an image that a message asked for was here. */
  readonly worksMs: number;
}

const LOOK_MS = 100;
const seconds = (ms: number) => (ms / 1000).toFixed(1);

/** Kills by plan, and starts again whatever has ended: as Compose and a service manager do. */
export class Supervisor {
  readonly recoveries: Recovery[] = [];
  /** Who ended without being killed, and was started again. */
  readonly endedAlone: string[] = [];
  private readonly recovering: Promise<void>[] = [];
  private isOver = false;

  constructor(
    private readonly stage: Stage,
    private readonly canary: Canary,
    private readonly say: (line: string) => void,
  ) {}

  /** Resolves when the last one who was killed is back, and all works; or when it is told that it is over. */
  async carryOut(plan: readonly Kill[], signal: AbortSignal): Promise<void> {
    const began = Date.now();
    const watching = this.watch();
    try {
      for (const kill of plan) {
        if (kill.togetherMs === null) await Promise.all(this.recovering);
        const waitMs = kill.togetherMs ?? began + kill.at - Date.now();
        await delay(Math.max(0, waitMs), undefined, { signal }).catch(() => undefined);
        if (signal.aborted) break;
        this.recovering.push(this.killAndRevive(kill, Date.now() - began));
      }
      await Promise.all(this.recovering);
    } finally {
      this.isOver = true;
      await watching;
    }
  }

  private async killAndRevive({ victim, downMs }: Kill, at: number): Promise<void> {
    const since = Date.now();
    await this.stage.kill(victim);
    const recovered = Promise.all([this.canary.reads(since), this.canary.works(since)]);
    recovered.catch(() => undefined);
    await delay(downMs);
    await this.stage.revive(victim);
    const [readsMs, worksMs] = await recovered;
    this.say(
      `${seconds(at)} s: ${victim} was killed for ${seconds(downMs)} s; all works again after ${seconds(worksMs)} s`,
    );
    this.recoveries.push({ victim, downMs, readsMs, worksMs });
  }

  private async watch(): Promise<void> {
    while (!this.isOver) {
      for (const name of this.stage.ended()) {
        this.endedAlone.push(name);
        this.say(`${name} has ended, and is started again`);
        await this.stage.revive(name);
      }
      await delay(LOOK_MS);
    }
  }
}
