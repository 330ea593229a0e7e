import { describeFault } from './describe-fault';
import { outliveOutput } from './outlive-output';

/** Runs a program; a start that cannot go on is its one clear line, anything else its stack. Exit code 1 for both. */
export function runMain(main: () => Promise<void>): void {
  outliveOutput();
  main().catch((error: unknown) => {
    process.stderr.write(`${describeFault(error)}\n`);
    process.exit(1);
  });
}
