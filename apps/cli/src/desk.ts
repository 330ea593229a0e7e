import { randomUUID } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliConfigSchema } from './cli.config';
import { EXIT, Fault } from './fault';
import type { Output } from './show';
import type { Terminal } from './terminal';
import { WarehouseClient } from './warehouse.client';

/** What every command works with. */
export interface Desk {
  readonly terminal: Terminal;
  readonly warehouse: WarehouseClient;
  readonly output: Output;
  /** Ids and digests as they are, not their first digits. */
  readonly whole: boolean;
}

export interface GlobalOptions {
  readonly url?: string;
  readonly output: Output;
  readonly trunc: boolean;
}

/** The action of a command: its arguments as they were typed, its options, and the desk that they are asked at. */
export function doing<Options extends object>(
  terminal: Terminal,
  work: (desk: Desk, args: readonly string[], options: Options) => Promise<void>,
) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const desk = openDesk(terminal, command.optsWithGlobals<GlobalOptions>());
    await work(desk, command.args, command.opts<Options>());
  };
}

function openDesk(terminal: Terminal, { url, output, trunc }: GlobalOptions): Desk {
  const named = { ENTREPOT_URL: url ?? (terminal.env.ENTREPOT_URL || undefined) };
  const { data, error } = CliConfigSchema.safeParse(named);
  if (!data) {
    const what = url === undefined ? 'ENTREPOT_URL' : '--url';
    throw new Fault(`${what} ${error.issues[0]?.message}`, EXIT.usage);
  }
  const warehouse = new WarehouseClient(new URL(data.ENTREPOT_URL), terminal.interrupted);
  return { terminal, warehouse, output, whole: !trunc };
}

/** Asking again under the same key does it once, so that a broken connection may be tried again. */
export const asked = (more: Readonly<Record<string, string>> = {}) => ({
  headers: { 'Idempotency-Key': randomUUID(), ...more },
});

/** A whole number from `least` to `most`. */
export const wholeNumber = (least: number, most: number) => (text: string) => {
  const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
};

/** For options that may be given several times. */
export const several = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** Lists are whole unless this says otherwise. */
export const limitOption = () =>
  new Option('--limit <count>', 'how many at most; all of them without it').argParser(wholeNumber(1, 10_000_000));

/** Lines under the help of a command: what one types, and what that does. */
export function withExamples(command: Command, examples: readonly (readonly [line: string, what: string])[]): Command {
  const text = examples.map(([line, what]) => `  $ ${line}\n      ${what}`).join('\n');
  examplesOf.set(command, examples);
  return command.addHelpText('after', `\nExamples:\n${text}`);
}

/** For the page that is made of the commands. */
export const examplesOf = new WeakMap<Command, readonly (readonly [line: string, what: string])[]>();

/** What was cut off by `--limit` is said, not left to be guessed. */
export function sayMore({ terminal }: Desk, more: boolean): void {
  if (more && terminal.isErrTerminal) terminal.err('there are more: give a larger --limit, or none\n');
}

export const shortId = ({ whole }: Desk, digest: string): string =>
  whole ? digest : digest.replace(/^[a-z0-9]+:/, '').slice(0, 12);
