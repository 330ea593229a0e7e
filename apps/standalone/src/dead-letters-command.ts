import { parseArgs } from 'node:util';
import type { Calls } from '#calls/calls';
import { StartFault } from '#config/start-fault';
import { DropDeadLetter, ListDeadLetters, ReadDeadLetter, ReplayDeadLetter } from '#contracts/calls/dead-letters';
import { isRegistryError } from '#oci/registry-error';
import { type Command, MisusedCommand } from './command';
import { deadLetterRow, deadLetterText } from './dead-letter-text';
import { withRunning } from './running-program';

const PAGE = 50;

type Say = (line: string) => void;

const ON_ONE = {
  show: async (calls: Calls, sequence: number, say: Say) => {
    for (const line of deadLetterText(await calls.ask(ReadDeadLetter, { sequence }))) say(line);
  },
  replay: async (calls: Calls, sequence: number, say: Say) => {
    await calls.ask(ReplayDeadLetter, { sequence });
    say(`published ${sequence} again`);
  },
  drop: async (calls: Calls, sequence: number, say: Say) => {
    await calls.ask(DropDeadLetter, { sequence });
    say(`dropped ${sequence}`);
  },
};

export const deadLettersCommand: Command = {
  usage: `dead-letters [list [--after ID] | show ID | replay ID | drop ID]
  messages that could not be handled: lists them, shows one whole, publishes it again as it came, throws it away;
  needs an Entrepot that runs, here or as the services that ENTREPOT_SECRET and ENTREPOT_METADATA_URL reach`,

  async run(args, env, say) {
    const ask = parseDeadLetters(args, say);
    try {
      await withRunning(env, ask);
      return 0;
    } catch (error) {
      throw isRegistryError(error) ? new StartFault(error.message) : error;
    }
  },
};

function parseDeadLetters(args: string[], say: Say): (calls: Calls) => Promise<void> {
  const [verb = 'list', id, more] = args;
  if (verb === 'list') return parseList(args.slice(1), say);
  if (!isOneOf(verb) || id === undefined || more !== undefined) throw new MisusedCommand('');
  const sequence = parseId(id);
  return (calls) => ON_ONE[verb](calls, sequence, say);
}

function parseList(args: string[], say: Say): (calls: Calls) => Promise<void> {
  let after: string | undefined;
  try {
    ({ after } = parseArgs({ args, options: { after: { type: 'string' } } }).values);
  } catch (error) {
    throw new MisusedCommand((error as Error).message);
  }
  const from = after === undefined ? 0 : parseId(after);
  return (calls) => list(calls, from, say);
}

async function list(calls: Calls, after: number, say: Say): Promise<void> {
  const { letters, next } = await calls.ask(ListDeadLetters, { after, limit: PAGE });
  if (letters.length === 0) return say(after === 0 ? 'no dead letters' : `no dead letters after ${after}`);
  for (const letter of letters) say(deadLetterRow(letter));
  if (next !== null) say(`there may be more: npm run admin -- dead-letters list --after ${next}`);
}

function isOneOf(verb: string): verb is keyof typeof ON_ONE {
  return Object.hasOwn(ON_ONE, verb);
}

function parseId(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new MisusedCommand(`${JSON.stringify(text)} is no id: the list shows them, whole numbers from 1`);
}
