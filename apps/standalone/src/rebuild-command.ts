import { parseArgs } from 'node:util';
import { type Command, MisusedCommand } from './command';
import { rebuild } from './rebuild';
import { withStore } from './with-store';

export const rebuildCommand: Command = {
  usage: `rebuild [--installation ID]
  makes a working warehouse of the store alone, in an empty database: repositories, images, tags, rights; may be stopped
  and given again; --installation where the store has the journals of several`,

  async run(args, env, say) {
    const { installation } = parseOptions(args);
    return withStore(env, (calls) => rebuild(calls, { ...(installation ? { installation } : {}), say }), say);
  },
};

function parseOptions(args: string[]) {
  try {
    return parseArgs({ args, options: { installation: { type: 'string' } } }).values;
  } catch (error) {
    throw new MisusedCommand((error as Error).message);
  }
}
