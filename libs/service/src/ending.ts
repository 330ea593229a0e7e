import { Logger } from '@nestjs/common';
import { StartFault } from '#config/start-fault';
import { describeFault } from './describe-fault';
import { outliveOutput } from './outlive-output';

type Close = () => Promise<void> | void;

/** How long one thing may take to close, in milliseconds; then the next one is closed all the same. */
const CLOSE_WITHIN_MS = 30_000;
/** Within this time a second signal is the first one's echo: npm passes on what the terminal has sent to all already. */
const ECHO_MS = 1_000;

/**
 * The end of the program: what was opened is closed, the last first, so that no child outlives it. An end may come at
 * any moment, while it still starts too.
 */
export class Ending {
  private readonly closers: Close[] = [];
  private endedAt: number | undefined;

  constructor(private readonly say: (text: string) => void) {}

  /** From now on this has to be closed. */
  opened(close: Close): void {
    this.closers.unshift(close);
  }

  /** Ends the program on SIGTERM, Ctrl-C, a closed terminal, and on what nobody caught. */
  listen(): void {
    outliveOutput();
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => this.signalled());
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => void this.fail(error));
    }
  }

  /** Ends the program with exit code 1 and the reason: a clear line where there is one, else the stack. */
  fail(error: unknown): Promise<void> {
    // What breaks while all is being closed has lost what it worked with, and is no reason.
    if (this.endedAt !== undefined) return Promise.resolve();
    this.say(describeFault(error));
    // The reason is said; what the services say of servers that end now would bury it.
    if (error instanceof StartFault) Logger.overrideLogger(false);
    return this.end(1);
  }

  private signalled(): void {
    if (this.endedAt === undefined) void this.end(0);
    else if (Date.now() - this.endedAt > ECHO_MS) process.exit(1);
  }

  private async end(code: number): Promise<void> {
    this.endedAt = Date.now();
    let exit = code;
    for (const close of this.closers) {
      await closeWithin(close).catch((error: unknown) => {
        this.say(describeFault(error));
        exit = 1;
      });
    }
    process.exit(exit);
  }
}

async function closeWithin(close: Close): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fault = new StartFault(`What was under way did not end within ${CLOSE_WITHIN_MS / 1000} s.`);
    timer = setTimeout(() => reject(fault), CLOSE_WITHIN_MS);
  });
  try {
    await Promise.race([close(), late]);
  } finally {
    clearTimeout(timer);
  }
}
