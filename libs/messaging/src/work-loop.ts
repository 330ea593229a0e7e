import { Logger } from '@nestjs/common';
import { LastingFault } from './lasting-fault';

/** What a look found: look again at once, or in so many milliseconds at the latest (null: only the sweep knows). */
export type Found = 'more' | { nextInMs: number | null };

/**
 * A message makes somebody look; the rows decide what is done. Looks when woken, when something falls due, and
 * every `sweepMs` in case nobody woke it. One look at a time; a look that fails is repeated at the next sweep.
 */
export class WorkLoop {
  private readonly fault: LastingFault;
  private wakeUp: (() => void) | undefined;
  private woken = false;
  private stopped = false;
  private ended: Promise<void> = Promise.resolve();

  constructor(
    name: string,
    private readonly sweepMs: number,
    private readonly look: () => Promise<Found>,
  ) {
    this.fault = new LastingFault(new Logger(name));
  }

  start(): void {
    this.ended = this.run();
  }

  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  /** Waits for the look under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wakeUp?.();
    await this.ended;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.woken = false;
      const waitMs = await this.lookOnce();
      if (waitMs > 0 && !this.woken && !this.stopped) await this.sleep(waitMs);
    }
  }

  private async lookOnce(): Promise<number> {
    try {
      const found = await this.look();
      this.fault.over();
      return found === 'more' ? 0 : Math.min(this.sweepMs, found.nextInMs ?? this.sweepMs);
    } catch (error) {
      this.fault.warn(error instanceof Error ? error.message : String(error));
      return this.sweepMs;
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
