import { code, GENERATED, page, table } from './markdown.mjs';

const EXITS = {
  well: 'done',
  failed: 'it failed, or the server does not answer',
  usage: 'it was typed wrongly, or the server says that a field breaks a rule; nothing was done',
  notFound: 'there is no such thing, here or at the upstream',
  denied: 'this may not be done by whoever asked',
  conflict: 'it is in conflict with how things are: in use, taken, moved meanwhile',
  interrupted: 'Ctrl-C: what was waited for goes on',
};

/** `cli.md`: every command with its arguments, options and examples. */
export function cliPage({ commands: { program, exits } }) {
  return page(
    GENERATED,
    '# The `entrepot` command',
    program.description,
    [
      'Data goes to the standard output, progress and messages to the standard error. Progress is shown on a terminal only, and not where `CI` is set or `TERM` is `dumb`; `NO_COLOR` takes colours away.',
      'How it is used: [use the command](../how-to/use-the-command.md).',
    ].join('\n'),
    '## Options of every command',
    options(program.options),
    '## Exit codes',
    table(['Code', 'Meaning'], Object.entries(exits).map(exitRow)),
    program.commands.flatMap((command) => section(command, '##')),
  );
}

function exitRow([name, number]) {
  if (!(name in EXITS)) throw new Error(`scripts/docs/cli-page.mjs does not say what the exit code ${name} means`);
  return [code(number), EXITS[name]];
}

function section(command, depth) {
  return [
    `${depth} ${code(command.name)}`,
    command.description,
    ...(command.commands.length > 0 ? [] : [['```', command.usage, '```'].join('\n')]),
    ...(command.arguments.length > 0
      ? [
          table(
            ['Argument', 'Meaning'],
            command.arguments.map(({ name, description }) => [code(name), sentence(description)]),
          ),
        ]
      : []),
    ...(command.options.length > 0 ? [options(command.options)] : []),
    ...(command.examples.length > 0 ? [examples(command.examples)] : []),
    ...command.commands.map((child) => section(child, `${depth}#`)),
  ];
}

const options = (rows) =>
  table(
    ['Option', 'Meaning'],
    rows.map(({ flags, description }) => [code(flags), sentence(description)]),
  );

const examples = (rows) => ['```sh', ...rows.flatMap(([line, what]) => [`# ${what}`, line]), '```'].join('\n');

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
