import { type Command, Option } from 'commander';
import { ContainerStateSchema } from '#contracts/bodies/container';
import { type Container, ContainerSchema } from '#contracts/calls/containers';
import { type Desk, doing, limitOption, sayMore, several, withExamples } from '../desk';
import { formatMoment } from '../format-time';
import { pasteImage } from '../paste-name';
import { type Face, showList, tableOf } from '../show';
import type { Terminal } from '../terminal';

interface Options {
  readonly state?: string;
  readonly name?: string;
  readonly label?: readonly string[];
  readonly image?: string;
  readonly reporter?: string;
  readonly limit?: number;
}

export function addList(containers: Command, terminal: Terminal): void {
  const ls = containers
    .command('ls')
    .description('List containers, the newest first.')
    .addOption(new Option('--state <state>', 'only in this state').choices(ContainerStateSchema.options))
    .option('--name <part>', 'only those with this in their name')
    .option('--label <label>', 'only with this label: key, key=value, or !key; may be given several times', several)
    .option('--image <reference>', 'only those made from what this names now')
    .option('--reporter <reporter>', 'only those that it reports')
    .addOption(limitOption())
    .action(doing<Options>(terminal, list));
  withExamples(ls, [
    ['entrepot containers ls --state running', 'what runs'],
    ['entrepot containers ls --image node:22 --output name', 'what was made from the image that node:22 is now'],
  ]);
}

async function list(desk: Desk, _: readonly string[], { label, limit, ...filter }: Options): Promise<void> {
  const query = {
    state: filter.state,
    name: filter.name,
    image: filter.image,
    reporter: filter.reporter,
    label: label?.join(','),
  };
  const { all, more } = await desk.warehouse.list(ContainerSchema, '/api/v1/containers', query, limit);
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
