import { Logger } from '@nestjs/common';

/** How long what is under way may take to end, in milliseconds. */
const DRAIN_MS = 30_000;

/** SIGTERM and Ctrl-C: what is under way ends, then the process does. A second signal ends it at once. */
export function endOnSignal(drain: () => Promise<void>): void {
  let asked = false;
  const end = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(1);
    asked = true;
    new Logger('Shutdown').log(`${signal}: finishing what is under way`);
    setTimeout(() => process.exit(1), DRAIN_MS).unref();
    drain().then(
      () => process.exit(0),
      (error: unknown) => {
        new Logger('Shutdown').error(String(error));
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}
