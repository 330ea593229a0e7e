import { Argument, type Command } from 'commander';
import { complete } from '../complete';
import { completionScript, SHELLS, type Shell } from '../completion-script';
import { withExamples } from '../desk';
import type { Terminal } from '../terminal';

export function addCompletion(program: Command, terminal: Terminal): void {
  const command = program
    .command('completion')
    .summary('what a shell needs to complete this command')
    .description('The lines that make a shell complete this command with the tabulator key.')
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .action((shell: Shell) => terminal.out(completionScript(shell)));
  withExamples(command, [
    ['entrepot completion bash > ~/.local/share/bash-completion/completions/entrepot', 'bash, with bash-completion'],
    ['source <(entrepot completion zsh)', 'zsh, in ~/.zshrc after compinit'],
    ['entrepot completion fish > ~/.config/fish/completions/entrepot.fish', 'fish'],
    ['entrepot completion powershell | Out-String | Invoke-Expression', 'PowerShell, in $PROFILE'],
  ]);
  program
    .command('__complete', { hidden: true })
    .description('What may stand in place of the last word: for shells.')
    .argument('[words...]')
    .allowUnknownOption()
    .action((words: string[]) => {
      const lines = complete(program, words.length === 0 ? [''] : words).map(({ word, what }) =>
        what === '' ? word : `${word}\t${what}`,
      );
      terminal.out(lines.map((line) => `${line}\n`).join(''));
    });
}
