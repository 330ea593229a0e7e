import { Logger } from '@nestjs/common';

/**
 * Looks for work when woken, when the next is due, and now and then in case nobody woke it. `claim` takes what there
 * is room for and answers when to look again, in milliseconds; null if it knows of nothing.
 */
export class ClaimLoop {
  private readonly log: Logger;
  private isWoken = false;
  private isStopped = false;
  private interrupt: () => void = () => {};
  private running: Promise<void> = Promise.resolve();

  constructor(
    name: string,
    private readonly claim: () => Promise<number | null>,
    private readonly sweepMs: number,
  ) {
    this.log = new Logger(name);
  }

  start(): void {
    this.running = this.run();
  }

  wake(): void {
    this.isWoken = true;
    this.interrupt();
  }

  /** Resolves when no claim runs any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.interrupt();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      this.isWoken = false;
      const dueInMs = await this.claim().catch((error: Error) => {
        this.log.warn(`cannot look for work: ${error.message}`);
        return null;
      });
      await this.pause(Math.min(dueInMs ?? this.sweepMs, this.sweepMs));
    }
  }

  private async pause(ms: number): Promise<void> {
    if (this.isWoken || this.isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
