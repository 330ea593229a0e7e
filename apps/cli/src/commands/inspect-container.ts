import type { Command } from 'commander';
import { z } from 'zod';
import { type Container, ContainerSchema } from '#contracts/calls/containers';
import { type Desk, doing, withExamples } from '../desk';
import { formatFields } from '../format-table';
import { formatMoment } from '../format-time';
import { pasteName } from '../paste-name';
import { type Face, showOne } from '../show';
import type { Terminal } from '../terminal';
import { placeOf, WHICH } from './container-outcome';

const DetailsSchema = z.looseObject({ ...ContainerSchema.shape, config: z.looseObject({}).nullable() });
type Details = z.output<typeof DetailsSchema>;

export function addInspect(containers: Command, terminal: Terminal): void {
  const command = containers
    .command('inspect')
    .argument('<container>', WHICH)
    .description('A container with what it runs.')
    .action(doing(terminal, inspect));
  withExamples(command, [['entrepot containers inspect web --output json', 'all of it']]);
}

async function inspect(desk: Desk, [container]: readonly string[]): Promise<void> {
  const found = await desk.warehouse.ask(DetailsSchema, 'GET', placeOf(container));
  showOne(desk.terminal, desk.output, containerFace(desk), found);
}

/** A container with what it runs: where the tag it was made by names another image now, that is said. */
function containerFace({ warehouse }: Desk): Face<Details> {
  return {
    names: ({ id }) => [id],
    table: (all) => all.map((one) => formatFields(fieldsOf(one, warehouse.base.host))).join('\n'),
  };
}

function fieldsOf(container: Details, host: string) {
  const now = Date.now();
  const { image, config, labels } = container;
  const run = Object.entries(config ?? {}).filter(([, value]) => !isNothing(value));
  return [
    ['Container', container.id],
    ['Name', container.name],
    ['State', container.exitCode === null ? container.state : `${container.state} (${container.exitCode})`],
    ['Image', `${pasteName(image.repository, host)}@${image.digest}`],
    ['Made by', image.tag === null ? '' : `the tag ${image.tag}${movedText(image)}`],
    ['Names taken', image.removed ? 'the image was removed by force; its content stays while this container does' : ''],
    ['Created', formatMoment(container.createdAt, now)],
    ['Started', formatMoment(container.startedAt, now)],
    ['Ended', formatMoment(container.finishedAt, now)],
    ['Reporter', container.reporter ?? ''],
    ['Own labels', Object.entries(labels).map(([key, value]) => `${key}=${value}`)],
    ['Runs with', run.map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)],
  ] as const;
}

function movedText({ moved, tagNames }: Container['image']): string {
  if (!moved) return '';
  return tagNames === null ? ', which is gone' : `, which names ${tagNames} now`;
}

function isNothing(value: unknown): boolean {
  if (value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
