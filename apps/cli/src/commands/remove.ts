import type { Command } from 'commander';
import { z } from 'zod';
import { ImageInUseSchema, UnconfirmedRemovalSchema } from '#contracts/bodies/remove';
import { asked, type Desk, doing, withExamples } from '../desk';
import { eachOf, sayFaults } from '../each-of';
import { EXIT, Fault } from '../fault';
import { pasteStored } from '../paste-name';
import { plain } from '../plain';
import { type SeenOperation, SeenOperationSchema } from '../seen-operation';
import { type Face, showList, showOne } from '../show';
import type { Terminal } from '../terminal';
import { waitForOutcome } from '../wait-for-outcome';
import type { Query } from '../warehouse.client';
import { operationFace } from './operation-face';

interface Options {
  readonly force?: boolean;
  readonly withContainers?: boolean;
  readonly withRunning?: boolean;
  readonly now?: boolean;
  readonly yes?: boolean;
  readonly wait: boolean;
}

/** What a remove says of itself; a newer server says more. */
const OutcomeSchema = z.looseObject({
  removed: z.array(z.string()),
  removedCount: z.number().optional(),
  left: z.array(z.string()).default([]),
  trash: z.array(z.string()).default([]),
  containers: z.array(z.string()).default([]),
  marked: z.array(z.string()).default([]),
});
type Outcome = z.output<typeof OutcomeSchema>;

export function addRemove(program: Command, terminal: Terminal): void {
  const command = program
    .command('rm')
    .summary('remove an image, or one of its tags')
    .description(
      'Remove what a reference names: a name with a tag takes that tag away, and the image with its last one; a name with a digest, or an id, the image. What was removed can be restored until the undo window ends.',
    )
    .argument('<reference...>', 'a name, a name with a digest, an id or the beginning of one')
    .option('-f, --force', 'take the names away even while a container uses the image; its content stays meanwhile')
    .option('--with-containers', 'remove the containers that use the image too, those that have stopped')
    .option('--with-running', 'with --with-containers: those that run as well')
    .option('--now', 'skip the undo window, as for a secret that leaked: it does not come back')
    .option('-y, --yes', 'do not ask before --now')
    .option('--wait', 'wait for its end (this is what is done unless told otherwise)', true)
    .option('--no-wait', 'answer as soon as it is taken in, with the operation')
    .action(doing<Options>(terminal, remove));
  withExamples(command, [
    ['entrepot rm node:20', 'takes the tag away, and the image if that was its last one'],
    ['entrepot rm 3f2a9c0d1b7e', 'the image with this id, with all its tags in its repository'],
    ['entrepot rm localhost:5050/team/app:leaked --now --yes', 'for good, and without a question'],
  ]);
}

/** Each by itself, as `docker rmi` does: what is refused is said, and the others are done. */
async function remove(desk: Desk, references: readonly string[], options: Options): Promise<void> {
  const { terminal, output } = desk;
  if (options.withRunning && !options.withContainers)
    throw new Fault('--with-running goes with --with-containers only', EXIT.usage);
  const face = options.wait ? removedFace(desk) : operationFace(desk);
  const { done, faults } = await eachOf(references, (reference) => removeOne(desk, reference, options));
  if (references.length > 1) showList(terminal, output, face as Face<unknown>, done);
  else for (const one of done) showOne(terminal, output, face as Face<unknown>, one);
  sayFaults(terminal, faults);
}

async function removeOne(desk: Desk, reference: string, { yes, wait, ...how }: Options): Promise<unknown> {
  const { force, withContainers, withRunning, now } = how;
  const query = { reference, force, withContainers, withRunning, now };
  try {
    const operation = await askConfirmed(desk, query, yes);
    if (!wait) return operation;
    const { outcome } = await waitForOutcome(desk, operation);
    const removed = OutcomeSchema.parse(outcome);
    if (now && tookTagsOnly(removed)) desk.terminal.err(`${reference}: ${STAYS}\n`);
    return removed;
  } catch (error) {
    throw error instanceof Fault ? asTyped(error) : error;
  }
}

/** What goes for good is said by the server where that is more than meets the eye, and asked about here. */
async function askConfirmed(desk: Desk, query: Query, yes = false): Promise<SeenOperation> {
  try {
    return await ask(desk, query);
  } catch (error) {
    const unconfirmed = error instanceof Fault && query.now ? unconfirmedIn(error) : undefined;
    if (!unconfirmed) throw error;
    if (!yes) await confirmNow(desk.terminal, plain(unconfirmed.goes));
    return ask(desk, { ...query, confirm: unconfirmed.confirm });
  }
}

const unconfirmedIn = ({ about }: Fault) => UnconfirmedRemovalSchema.safeParse(about).data;

/** Whoever removes for good means the content. */
const STAYS = 'its image stays under its other tags; remove it by its id or digest to have it gone with all of them';
const tookTagsOnly = ({ removed, removedCount = removed.length }: Outcome) =>
  removed.length > 0 && removedCount === removed.length && !removed.some((name) => name.includes('@'));

const OPTION_OF = { withContainers: '--with-containers', withRunning: '--with-running' } as const;

/** What would do it, by the options of this command; what changed since it was confirmed, without the word for that. */
function asTyped(refusal: Fault): Fault {
  const { about, exit } = refusal;
  const goes = unconfirmedIn(refusal)?.goes;
  if (goes !== undefined) return new Fault(goes, exit, about);
  const { data: inUse } = ImageInUseSchema.safeParse(about);
  if (!inUse) return refusal;
  const options = inUse.fields.map((field) => OPTION_OF[field]).join(' and ');
  const withIt = options === '' ? '' : `, or with it (${options})`;
  return new Fault(`${inUse.inTheWay}${withIt}, or --force, which takes its names only`, exit, about);
}

const ask = ({ warehouse }: Desk, query: Query) =>
  warehouse.ask(SeenOperationSchema, 'DELETE', '/api/v1/images', { ...asked(), query });

async function confirmNow(terminal: Terminal, whatGoes: string): Promise<void> {
  const answer = await terminal.ask(`${whatGoes}\nRemove it for good? It cannot be restored. [y/N] `);
  if (answer === null)
    throw new Fault(`${whatGoes}\nThere is nobody to ask whether that is meant: add --yes`, EXIT.usage);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Fault('nothing was removed');
}

function removedFace({ warehouse }: Desk): Face<Outcome> {
  const names = ({ removed }: Outcome) => removed.map((name) => pasteStored(name, warehouse.base.host));
  const linesOf = (outcome: Outcome) => removalLines(outcome, names(outcome)).map((line) => `${line}\n`);
  return { names, table: (outcomes) => outcomes.flatMap(linesOf).join('') };
}

function removalLines(outcome: Outcome, names: readonly string[]): string[] {
  const { removed, removedCount = removed.length, left, trash, containers, marked } = outcome;
  const more = removedCount - removed.length;
  return [
    ...names.map((name) => `removed ${name}`),
    ...(more > 0 ? [`removed ${more} more`] : []),
    ...containers.map((name) => `removed the container ${name}`),
    ...marked.map((name) => `the container ${name} keeps the content of its image`),
    ...left.map((name) => `left alone ${name}`),
    ...trash.map((id) => `to have it back: entrepot restore ${id}`),
  ];
}
