import { type Command, Option } from 'commander';

export interface Candidate {
  readonly word: string;
  readonly what: string;
}

/** What may stand in place of the last of these words, by the tree of commands. Words of the user's own are left to him. */
export function complete(program: Command, words: readonly string[]): Candidate[] {
  const last = words.at(-1) ?? '';
  const { command, pending, isArgument } = walk(program, words.slice(0, -1));
  if (pending) return starting(last, choicesOf(pending));
  const [, flag, value] = /^(--[^=]+)=(.*)$/s.exec(last) ?? [];
  if (flag !== undefined) {
    const choices = choicesOf(optionsOf(command).find(({ long }) => long === flag));
    return starting(value ?? '', choices).map(({ word, what }) => ({ word: `${flag}=${word}`, what }));
  }
  if (last.startsWith('-') && !isArgument) return starting(last, optionsOf(command).flatMap(flagsOf));
  return starting(last, [...commandsOf(command), ...(command.registeredArguments[0]?.argChoices ?? []).map(bare)]);
}

/** Where the words before lead: a command, and the option whose value comes next. */
function walk(program: Command, words: readonly string[]) {
  let command = program;
  let pending: Option | undefined;
  let isArgument = false;
  for (const word of words) {
    if (pending) {
      pending = undefined;
    } else if (word === '--') {
      isArgument = true;
    } else if (word.startsWith('-') && !isArgument) {
      const option = optionsOf(command).find(({ long, short }) => word === long || word === short);
      pending = option?.required ? option : undefined;
    } else {
      command = command.commands.find((child) => child.name() === word || child.aliases().includes(word)) ?? command;
    }
  }
  return { command, pending, isArgument };
}

const isShown = (command: Command) => !command.name().startsWith('__');

const commandsOf = (command: Command): Candidate[] =>
  command.commands
    .filter(isShown)
    .map((child) => ({ word: child.name(), what: child.summary() || child.description() }));

/** Its own and those of all above it: these may stand anywhere. */
function optionsOf(command: Command | null): Option[] {
  if (command === null) return [new Option('-h, --help', 'what it does, and examples')];
  return [...command.options.filter(({ hidden }) => !hidden), ...optionsOf(command.parent)];
}

const flagsOf = ({ long, description }: Option): Candidate[] => (long ? [{ word: long, what: description }] : []);

const choicesOf = (option: Option | undefined): Candidate[] => (option?.argChoices ?? []).map(bare);
const bare = (word: string): Candidate => ({ word, what: '' });
const starting = (start: string, candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(({ word }) => word.startsWith(start));
