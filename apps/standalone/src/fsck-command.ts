import { parseArgs } from 'node:util';
import { type Command, MisusedCommand } from './command';
import { fsck } from './fsck';
import { withStore } from './with-store';

export const fsckCommand: Command = {
  usage: `fsck [--deep]
  compares what is stored with what is known, and names every difference; --deep reads and hashes all bytes`,

  async run(args, env, say) {
    const deep = parseDeep(args);
    const faults = await withStore(env, (calls) => fsck(calls, { deep, say }));
    for (const fault of faults) say(fault);
    say(faults.length === 0 ? 'clean' : `${faults.length} faults`);
    return faults.length === 0 ? 0 : 1;
  },
};

function parseDeep(args: string[]): boolean {
  try {
    return parseArgs({ args, options: { deep: { type: 'boolean' } } }).values.deep ?? false;
  } catch (error) {
    throw new MisusedCommand((error as Error).message);
  }
}
