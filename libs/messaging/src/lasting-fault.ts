import type { Logger } from '@nestjs/common';

const AGAIN_AFTER_MS = 60_000;

/** What fails at every try is said at once, then once a minute: a log that fills a disk helps nobody. */
export class LastingFault {
  private said: string | undefined;
  private saidAt = 0;

  constructor(
    private readonly log: Pick<Logger, 'warn'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** `what` fails, where others choose words of the message: they may not choose how often it is said. */
  warn(message: string, what: string = message): void {
    if (what === this.said && this.now() - this.saidAt < AGAIN_AFTER_MS) return;
    this.said = what;
    this.saidAt = this.now();
    this.log.warn(message);
  }

  /** It worked: the next fault is a new one. */
  over(): void {
    this.said = undefined;
  }
}
