import type { Container } from '#contracts/calls/containers';
import type { Desk } from '../desk';
import { formatFields } from '../format-table';
import { formatMoment } from '../format-time';
import { pasteName } from '../paste-name';
import type { Face } from '../show';

export type ContainerDetails = Container & { readonly config: Readonly<Record<string, unknown>> | null };

/** A container with what it runs: where the tag it was made by names another image now, that is said. */
export function containerFace({ warehouse }: Desk): Face<ContainerDetails> {
  return {
    names: ({ id }) => [id],
    table: (all) => all.map((one) => formatFields(fieldsOf(one, warehouse.base.host))).join('\n'),
  };
}

function fieldsOf(container: ContainerDetails, host: string) {
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
