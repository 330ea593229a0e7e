/** What the command is connected to. Data goes to `out`, everything else to `err`. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isOutTerminal: boolean;
  readonly isErrTerminal: boolean;
  /** Of the terminal behind `err`. */
  readonly columns: number;
  readonly rows: number;
  /** Aborted once a person has had enough of waiting. */
  readonly interrupted: AbortSignal;
  out(text: string): void;
  err(text: string): void;
  /** A line that a person types, or null where there is nobody to ask. */
  ask(question: string): Promise<string | null>;
  /** Milliseconds; only differences count. */
  now(): number;
}

/** https://no-color.org: any value but the empty one. */
export function hasColor({ env }: Terminal, isTerminal: boolean): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}
