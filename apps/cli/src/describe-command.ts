import type { Command } from 'commander';
import { examplesOf } from './desk';

export interface DescribedCommand {
  /** As it is typed: `entrepot containers rm`. */
  readonly name: string;
  readonly usage: string;
  readonly description: string;
  readonly arguments: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly { readonly flags: string; readonly description: string }[];
  readonly examples: readonly (readonly [line: string, what: string])[];
  readonly commands: readonly DescribedCommand[];
}

/** The tree of commands as data, for the page that is made of it. */
export function describeCommand(command: Command, above = ''): DescribedCommand {
  const name = `${above}${command.name()}`;
  const shown = command.commands.filter((child) => !child.name().startsWith('__'));
  return {
    name,
    usage: `${name} ${command.usage()}`,
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      description: withChoices(argument.description, argument.argChoices),
    })),
    options: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ flags, description, argChoices }) => ({
        flags,
        description: withChoices(description, argChoices),
      })),
    examples: examplesOf.get(command) ?? [],
    commands: shown.map((child) => describeCommand(child, `${name} `)),
  };
}

function withChoices(description: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? description : `${description}: ${choices.join(', ')}`;
}
