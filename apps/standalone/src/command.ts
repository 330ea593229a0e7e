/** One thing that `npm run admin` can do. */
export interface Command {
  /** A line for each form, as it is typed after `npm run admin -- `, and what it does. */
  readonly usage: string;
  /** Answers the exit code: 0 where all is well, 1 where it is not. Throws MisusedCommand, StartFault. */
  run(args: string[], env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<number>;
}

/** What was typed is not understood; the message may be empty, where the usage says enough. */
export class MisusedCommand extends Error {
  override name = 'MisusedCommand';
}
