import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { StartFault } from '#config/start-fault';
import { runMain } from '#service/run-main';
import { fsck } from './fsck';
import { withStore } from './with-store';

const USAGE = `usage: npm run admin -- fsck [--deep]
  fsck    compares what is stored with what is known, and names every difference; --deep reads and hashes all bytes`;

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Exit code 0 where all is well, 1 where it is not or cannot be told, 2 for a command that is not understood. */
async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2));
  if (!command) {
    process.stderr.write(`${USAGE}\n`);
    process.exit(2);
  }
  const faults = await withStore(process.env, (calls) => fsck(calls, { deep: command.deep, say }));
  for (const fault of faults) say(fault);
  say(faults.length === 0 ? 'clean' : `${faults.length} faults`);
  process.exit(faults.length === 0 ? 0 : 1);
}

function parseCommand(args: string[]): { deep: boolean } | undefined {
  try {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { deep: { type: 'boolean' } } });
    return positionals.length === 1 && positionals[0] === 'fsck' ? { deep: values.deep ?? false } : undefined;
  } catch (error) {
    throw new StartFault(`${(error as Error).message}\n${USAGE}`);
  }
}

runMain(main);
