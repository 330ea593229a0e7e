import type { Command } from 'commander';
import { z } from 'zod';
import { type DeadLetter, DeadLetterSchema } from '#contracts/calls/dead-letters';
import { type Desk, doing, limitOption, sayMore, withExamples } from '../desk';
import { EXIT, Fault } from '../fault';
import { formatFields } from '../format-table';
import { formatMoment } from '../format-time';
import { type Face, showList, showOne, tableOf } from '../show';
import type { Terminal } from '../terminal';

const WholeSchema = z.looseObject({
  ...DeadLetterSchema.shape,
  headers: z.record(z.string(), z.array(z.string())),
  payload: z.string(),
  encoding: z.string(),
});
type Whole = z.output<typeof WholeSchema>;

const PATH = '/api/v1/dead-letters';

export function addDeadLetters(program: Command, terminal: Terminal): void {
  const letters = program
    .command('dead-letters')
    .summary('messages that could not be handled')
    .description('Messages that could not be handled: to be looked at, published again or thrown away.');
  const ls = letters
    .command('ls')
    .description('List them, the oldest first.')
    .addOption(limitOption())
    .action(doing<{ limit?: number }>(terminal, list));
  withExamples(ls, [['entrepot dead-letters ls', 'with the reason of each']]);
  const show = one(letters.command('show')).description('Why it could not be handled, and all of what it was.');
  withExamples(show.action(doing(terminal, read)), [['entrepot dead-letters show 17', 'with its headers and payload']]);
  const replay = one(letters.command('replay')).description('Publish it again as it came, and drop it.');
  withExamples(replay.action(doing(terminal, publish)), [
    ['entrepot dead-letters replay 17', 'once its cause is mended'],
  ]);
  const drop = one(letters.command('drop')).description('Throw it away for good.');
  withExamples(drop.action(doing(terminal, throwAway)), [['entrepot dead-letters drop 17', 'nothing is left of it']]);
}

const one = (command: Command) => command.argument('<sequence>', 'its number, as the list shows it');

/** A path of its own is the number's: nothing else gets there. */
function placeOf([sequence = '']: readonly string[]): string {
  if (/^[1-9][0-9]{0,14}$/.test(sequence)) return `${PATH}/${sequence}`;
  throw new Fault(`${JSON.stringify(sequence)} is no dead letter: they are numbered from 1`, EXIT.usage);
}

async function list(desk: Desk, _: readonly string[], { limit }: { limit?: number }): Promise<void> {
  const { all, more } = await desk.warehouse.list(DeadLetterSchema, PATH, {}, limit);
  const now = Date.now();
  const face = tableOf<DeadLetter>(
    [
      { title: 'SEQUENCE', right: true, text: ({ sequence }) => String(sequence) },
      { title: 'SUBJECT', text: ({ subject }) => subject },
      { title: 'DIED', text: ({ diedAt }) => formatMoment(diedAt, now) },
      { title: 'REASON', text: ({ reason }) => reason },
    ],
    ({ sequence }) => [String(sequence)],
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
}

async function read(desk: Desk, args: readonly string[]): Promise<void> {
  const letter = await desk.warehouse.ask(WholeSchema, 'GET', placeOf(args));
  showOne(desk.terminal, desk.output, WHOLE, letter);
}

async function publish(desk: Desk, args: readonly string[]): Promise<void> {
  await desk.warehouse.ask(z.undefined(), 'POST', `${placeOf(args)}/replay`);
  desk.terminal.err(`published ${args[0]} again\n`);
}

async function throwAway(desk: Desk, args: readonly string[]): Promise<void> {
  await desk.warehouse.ask(z.undefined(), 'DELETE', placeOf(args));
  desk.terminal.err(`dropped ${args[0]}\n`);
}

const WHOLE: Face<Whole> = {
  names: ({ sequence }) => [String(sequence)],
  table: (letters) => letters.map(fieldsOf).join('\n'),
};

function fieldsOf({ headers, payload, encoding, ...letter }: Whole): string {
  return formatFields([
    ['Sequence', String(letter.sequence)],
    ['Subject', letter.subject],
    ['Reason', letter.reason],
    ['Deliveries', String(letter.deliveries)],
    ['Died', letter.diedAt],
    ['Message id', letter.messageId ?? ''],
    ['Headers', Object.entries(headers).flatMap(([name, values]) => values.map((value) => `${name}: ${value}`))],
    ['Cut', letter.cut ? 'only the beginning of its payload is kept: it cannot be published again' : ''],
    [encoding === 'utf-8' ? 'Payload' : `Payload (${encoding})`, payload],
  ]);
}
