import { parseArgs } from 'node:util';
import { type Command, MisusedCommand } from './command';
import type { Fault } from './compare-store';
import { type FsckOptions, fsck } from './fsck';
import { withStore } from './with-store';

/** What kind of thing each word at the beginning of a line says, for programs. */
const CLASSES: Readonly<Record<string, string>> = {
  orphan: 'extra',
  missing: 'missing',
  size: 'corrupt',
  digest: 'corrupt',
  extents: 'rows',
  row: 'rows',
  lost: 'lost',
  session: 'stuck',
  stuck: 'stuck',
  stream: 'streams',
};

export const fsckCommand: Command = {
  usage: `fsck [--deep] [--repair] [--mark-lost] [--json]
  compares what is stored with what is known, and names every difference; --deep reads and hashes all bytes;
  what is missing or wrong is marked lost, so that the next pull brings it again: with --mark-lost also where most is;
  --repair has it fetched again at once, and drops what nothing refers to; --json writes a line of JSON for each fault`,

  async run(args, env, say) {
    const { deep = false, repair = false, json = false, 'mark-lost': force = false } = parseOptions(args);
    const tell = (line: string) => (json ? process.stderr.write(`${line}\n`) : say(line));
    return untilStopped(async (signal) => {
      const progress = (line: string) => void process.stderr.write(`${line}\n`);
      const options: FsckOptions = { deep, force, repair, say: tell, progress, signal };
      const faults = await withStore(env, (calls) => fsck(calls, options), tell);
      for (const fault of faults) say(json ? JSON.stringify(shape(fault)) : fault.line);
      const end = faults.length === 0 ? 'clean' : faults.length === 1 ? '1 fault' : `${faults.length} faults`;
      if (signal.aborted) tell(`stopped before the end, after ${end === 'clean' ? '0 faults' : end}`);
      else if (json) say(JSON.stringify({ clean: faults.length === 0, faults: faults.length }));
      else say(end);
      return faults.length === 0 && !signal.aborted ? 0 : 1;
    });
  },
};

function shape({ line, spoilt, stray }: Fault): object {
  const word = line.slice(0, line.indexOf(':'));
  const object = spoilt ?? stray;
  return { class: CLASSES[word] ?? word, word, ...(object === undefined ? {} : { object }), line };
}

/** The first Ctrl-C or SIGTERM ends it in good order: what was found is reported, and what was started is stopped. */
async function untilStopped<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await run(stopping.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function parseOptions(args: string[]) {
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({ args, options: { deep: flag, repair: flag, json: flag, 'mark-lost': flag } }).values;
  } catch (error) {
    throw new MisusedCommand((error as Error).message);
  }
}
