import { type Command, Option } from 'commander';
import { z } from 'zod';
import {
  CONTAINER_ACTIONS,
  type ContainerAction,
  type ContainerOutcome,
  ContainerOutcomeSchema,
  ContainerStateSchema,
} from '#contracts/bodies/container';
import { type Container, ContainerSchema } from '#contracts/calls/containers';
import { asked, type Desk, doing, limitOption, sayMore, several, wholeNumber, withExamples } from '../desk';
import { eachOf, sayFaults } from '../each-of';
import { formatMoment } from '../format-time';
import { pasteImage } from '../paste-name';
import { type Face, showList, showOne, tableOf } from '../show';
import type { Terminal } from '../terminal';
import { containerFace } from './container-face';
import { addCreate } from './create-container';
import { addPrune } from './prune-containers';

const PATH = '/api/v1/containers';

interface ListOptions {
  readonly state?: string;
  readonly name?: string;
  readonly label?: readonly string[];
  readonly image?: string;
  readonly reporter?: string;
  readonly limit?: number;
}

/** As the API names them, with what each says. */
const ACTIONS: Readonly<Record<ContainerAction, string>> = {
  start: 'Say that a container runs: one that was created, or has exited.',
  restart: 'Say that a container was started anew, whether it ran or not. One that is paused is unpaused first.',
  pause: 'Say that a running container is paused.',
  unpause: 'Say that a paused container runs again.',
  exit: 'Say that a container has ended: one that ran, or was paused.',
  kill: 'Say that a container was killed: one that ran, or was paused.',
  die: 'Say that a container is dead: what ran it could not put it away. A dead one can only be removed.',
};

/** The exit code where none is said. */
const EXIT_CODES: Partial<Record<ContainerAction, string>> = { exit: '0', kill: '137' };

export function addContainers(program: Command, terminal: Terminal): void {
  const containers = program
    .command('containers')
    .summary('what uses the images')
    .description(
      'Containers: records that some workload uses an image, with the configuration that it runs with. What a container uses is never collected.',
    );
  addList(containers, terminal);
  addCreate(containers, terminal);
  const show = one(containers.command('inspect')).description('A container with what it runs.');
  withExamples(show.action(doing(terminal, inspect)), [['entrepot containers inspect web --output json', 'all of it']]);
  for (const action of CONTAINER_ACTIONS) addAction(containers, terminal, action);
  addRemove(containers, terminal);
  const name = one(containers.command('rename'))
    .argument('<name>', 'its new name')
    .description('Give it another name.');
  withExamples(name.action(doing(terminal, rename)), [['entrepot containers rename web web-old', 'web is free again']]);
  addPrune(containers, terminal);
}

const one = (command: Command) => command.argument('<container>', 'its name, its id or the beginning of one');
const placeOf = (container = '') => `${PATH}/${encodeURIComponent(container)}`;

function addList(containers: Command, terminal: Terminal): void {
  const ls = containers
    .command('ls')
    .description('List containers, the newest first.')
    .addOption(new Option('--state <state>', 'only in this state').choices(ContainerStateSchema.options))
    .option('--name <part>', 'only those with this in their name')
    .option('--label <label>', 'only with this label: key, key=value, or !key; may be given several times', several)
    .option('--image <reference>', 'only those made from what this names now')
    .option('--reporter <reporter>', 'only those that it reports')
    .addOption(limitOption())
    .action(doing<ListOptions>(terminal, list));
  withExamples(ls, [
    ['entrepot containers ls --state running', 'what runs'],
    ['entrepot containers ls --image node:22 --output name', 'what was made from the image that node:22 is now'],
  ]);
}

async function list(desk: Desk, _: readonly string[], { label, limit, ...filter }: ListOptions): Promise<void> {
  const query = {
    state: filter.state,
    name: filter.name,
    image: filter.image,
    reporter: filter.reporter,
    label: label?.join(','),
  };
  const { all, more } = await desk.warehouse.list(ContainerSchema, PATH, query, limit);
  showList(desk.terminal, desk.output, containersFace(desk), all);
  sayMore(desk, more);
}

function containersFace(desk: Desk): Face<Container> {
  const now = Date.now();
  const imageOf = ({ image }: Container) =>
    pasteImage({ ...image, tags: image.tag === null ? [] : [image.tag] }, desk.warehouse.base.host).join();
  return tableOf(
    [
      { title: 'ID', text: ({ id }) => (desk.whole ? id : id.slice(0, 12)) },
      { title: 'NAME', text: ({ name }) => name },
      { title: 'IMAGE', text: (at) => `${imageOf(at)}${at.image.moved ? ' (moved on)' : ''}` },
      { title: 'STATE', text: ({ state, exitCode }) => (exitCode === null ? state : `${state} (${exitCode})`) },
      { title: 'CREATED', text: ({ createdAt }) => formatMoment(createdAt, now) },
      { title: 'REPORTER', text: ({ reporter }) => reporter ?? '' },
    ],
    ({ id }) => [id],
  );
}

async function inspect(desk: Desk, [container]: readonly string[]): Promise<void> {
  const DetailsSchema = z.looseObject({ ...ContainerSchema.shape, config: z.looseObject({}).nullable() });
  const found = await desk.warehouse.ask(DetailsSchema, 'GET', placeOf(container));
  showOne(desk.terminal, desk.output, containerFace(desk), found);
}

function addAction(containers: Command, terminal: Terminal, action: ContainerAction): void {
  const code = EXIT_CODES[action];
  const command = containers
    .command(action)
    .description(ACTIONS[action])
    .argument('<container...>', 'its name, its id or the beginning of one');
  if (code) command.option('--exit-code <code>', `with which it ended; ${code} without it`, wholeNumber(0, 255));
  command.action(
    doing<{ exitCode?: number }>(terminal, (desk, args, { exitCode }) =>
      change(desk, args, (container) => ({ path: `${placeOf(container)}/${action}`, query: { exitCode } })),
    ),
  );
  const line = action === 'exit' ? 'entrepot containers exit web --exit-code 1' : `entrepot containers ${action} web`;
  withExamples(command, [[line, 'illegal moves are refused (exit code 5)']]);
}

interface Change {
  readonly path: string;
  readonly query: { readonly exitCode: number | undefined };
}

async function change(desk: Desk, names: readonly string[], changeOf: (container: string) => Change): Promise<void> {
  const { done, faults } = await eachOf(names, async (container) => {
    const { path, query } = changeOf(container);
    return desk.warehouse.ask(ContainerOutcomeSchema, 'POST', path, { ...asked(), query });
  });
  showOutcomes(desk, names, done);
  sayFaults(desk.terminal, faults);
}

function showOutcomes({ terminal, output }: Desk, asked: readonly string[], done: readonly ContainerOutcome[]): void {
  if (asked.length > 1) showList(terminal, output, OUTCOME, done);
  else for (const one of done) showOne(terminal, output, OUTCOME, one);
}

const OUTCOME: Face<ContainerOutcome> = {
  names: ({ container }) => [container],
  table: (outcomes) => outcomes.map(({ name, state }) => `${name} ${state}\n`).join(''),
};

function addRemove(containers: Command, terminal: Terminal): void {
  const rm = containers
    .command('rm')
    .description('Remove containers. Their images stay.')
    .argument('<container...>', 'its name, its id or the beginning of one')
    .option('-f, --force', 'even while it runs')
    .action(doing<{ force?: boolean }>(terminal, remove));
  withExamples(rm, [['entrepot containers rm web worker --force', 'two of them, whether they run or not']]);
}

async function remove(desk: Desk, names: readonly string[], { force }: { force?: boolean }): Promise<void> {
  const { done, faults } = await eachOf(names, (container) =>
    desk.warehouse.ask(ContainerOutcomeSchema, 'DELETE', placeOf(container), { ...asked(), query: { force } }),
  );
  const { terminal, output } = desk;
  const face = {
    ...OUTCOME,
    table: (all: readonly ContainerOutcome[]) => all.map(({ name }) => `removed ${name}\n`).join(''),
  };
  if (names.length > 1) showList(terminal, output, face, done);
  else for (const one of done) showOne(terminal, output, face, one);
  sayFaults(terminal, faults);
}

async function rename(desk: Desk, [container, name]: readonly string[]): Promise<void> {
  const ask = { ...asked(), body: { name } };
  const renamed = await desk.warehouse.ask(ContainerOutcomeSchema, 'PATCH', placeOf(container), ask);
  showOne(desk.terminal, desk.output, OUTCOME, renamed);
}
