import 'reflect-metadata';
import { runMain } from '#service/run-main';
import { backupCommand } from './backup-command';
import { type Command, MisusedCommand } from './command';
import { deadLettersCommand } from './dead-letters-command';
import { fsckCommand } from './fsck-command';
import { rebuildCommand } from './rebuild-command';
import { restoreCommand } from './restore-command';

const COMMANDS = new Map<string, Command>([
  ['fsck', fsckCommand],
  ['dead-letters', deadLettersCommand],
  ['backup', backupCommand],
  ['restore', restoreCommand],
  ['rebuild', rebuildCommand],
]);

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Exit code 0 where all is well, 1 where it is not or cannot be told, 2 for a command that is not understood. */
async function main(): Promise<void> {
  const [name = '', ...args] = process.argv.slice(2);
  const command = COMMANDS.get(name);
  try {
    if (name === '--help' || name === '-h' || args.some((arg) => arg === '--help' || arg === '-h')) {
      for (const each of command ? [command] : COMMANDS.values()) say(`npm run admin -- ${each.usage}`);
      return;
    }
    if (!command) throw new MisusedCommand(name && `there is no command ${JSON.stringify(name)}`);
    process.exitCode = await command.run(args, process.env, say);
  } catch (error) {
    if (!(error instanceof MisusedCommand)) throw error;
    const known = command ? [command] : [...COMMANDS.values()];
    const usage = known.map((each) => `npm run admin -- ${each.usage}`);
    process.stderr.write(`${[error.message, ...usage].filter(Boolean).join('\n')}\n`);
    process.exitCode = 2;
  }
}

runMain(main);
