import { parseArgs } from 'node:util';
import { type Command, MisusedCommand } from './command';
import { fsck } from './fsck';
import { withStore } from './with-store';

export const fsckCommand: Command = {
  usage: `fsck [--deep] [--mark-lost]
  compares what is stored with what is known, and names every difference; --deep reads and hashes all bytes;
  what is missing or wrong is marked lost, so that the next pull brings it again: with --mark-lost also where most is`,

  async run(args, env, say) {
    const { deep = false, 'mark-lost': force = false } = parseOptions(args);
    const faults = await withStore(env, (calls) => fsck(calls, { deep, force, say }), say);
    for (const fault of faults) say(fault);
    say(faults.length === 0 ? 'clean' : faults.length === 1 ? '1 fault' : `${faults.length} faults`);
    return faults.length === 0 ? 0 : 1;
  },
};

function parseOptions(args: string[]) {
  try {
    return parseArgs({ args, options: { deep: { type: 'boolean' }, 'mark-lost': { type: 'boolean' } } }).values;
  } catch (error) {
    throw new MisusedCommand((error as Error).message);
  }
}
