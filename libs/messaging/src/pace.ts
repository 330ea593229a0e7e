import { setTimeout as sleep } from 'node:timers/promises';

/** So many things a second at the most, on average: the rest of the time is everybody else's. */
export class Pace {
  private freeAt = 0;

  constructor(
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  did(count: number): void {
    this.freeAt = Math.max(this.freeAt, this.now()) + (count * 1000) / this.perSecond;
  }

  /** How long until more may be done, in milliseconds. */
  get waitMs(): number {
    return Math.max(0, Math.ceil(this.freeAt - this.now()));
  }

  /** Returns early when it is to end. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.waitMs > 0) await sleep(this.waitMs, undefined, { signal }).catch(() => undefined);
  }
}
