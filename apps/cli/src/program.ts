import { Command, Option } from 'commander';
import { addAdmin } from './commands/admin';
import { addBlobs } from './commands/blobs';
import { addBusUsers } from './commands/bus-users';
import { addCompletion } from './commands/completion';
import { addContainers } from './commands/containers';
import { addDeadLetters } from './commands/dead-letters';
import { addEvents } from './commands/events';
import { addGc } from './commands/gc';
import { addHistory } from './commands/history';
import { addImages } from './commands/images';
import { addInspect } from './commands/inspect';
import { addLayers } from './commands/layers';
import { addTagMoves } from './commands/move-tag';
import { addOperations } from './commands/operations';
import { addPrune } from './commands/prune';
import { addPull } from './commands/pull';
import { addRemove } from './commands/remove';
import { addReport } from './commands/report';
import { addRepositories } from './commands/repositories';
import { addSchedules } from './commands/schedules';
import { addTagHistory } from './commands/tag-history';
import { addTags } from './commands/tags';
import { addTrash } from './commands/trash';
import { addUsage } from './commands/usage';
import { addWhy } from './commands/why';
import { OUTPUTS } from './show';
import type { Terminal } from './terminal';
import { VERSION } from './version';

const ADDED = [
  addPull,
  addImages,
  addInspect,
  addHistory,
  addLayers,
  addBlobs,
  addRepositories,
  addTags,
  addTagHistory,
  addTagMoves,
  addRemove,
  addTrash,
  addContainers,
  addReport,
  addPrune,
  addSchedules,
  addGc,
  addUsage,
  addWhy,
  addEvents,
  addOperations,
  addDeadLetters,
  addBusUsers,
  addAdmin,
  addCompletion,
];

const HELP = ['help [command]', 'what a command does, and examples'] as const;

/** The tree of commands. Help, the reference page and what shells complete are all made of it. */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('entrepot')
    .description("A team's own image warehouse: what it holds, who uses it, and what becomes of it.")
    .option('--url <url>', 'where the server is; by default ENTREPOT_URL, or http://127.0.0.1:5050')
    .addOption(new Option('-o, --output <format>', 'how the answer is written').choices(OUTPUTS).default('table'))
    .option('--no-trunc', 'ids and digests as they are, not their first digits')
    .version(VERSION, '--version', 'the version of this command')
    .helpOption('-h, --help', 'what it does, and examples')
    .helpCommand(...HELP)
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 20 })
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('(--help says how)')
    .exitOverride();
  for (const add of ADDED) add(program, terminal);
  program
    .command('version')
    .summary('which version this is')
    .description('The version of this command.')
    .action(() => terminal.out(`${VERSION}\n`));
  for (const group of program.commands.filter(({ commands }) => commands.length > 0)) group.helpCommand(...HELP);
  return program.addHelpText('after', AFTER);
}

const AFTER = `
fsck, backup, restore and rebuild are run where database and store are:
npm run admin -- --help

Exit codes: 0 done, 1 it failed, 2 typed wrongly, 3 not found, 4 not allowed,
5 in conflict with how things are, 130 Ctrl-C.
Data goes to the standard output, progress and messages to the standard error.`;
