import type { Command } from 'commander';
import { z } from 'zod';
import { RepositoryUsageSchema, UsageSchema } from '#contracts/calls/usage';
import { type Desk, doing, wholeNumber, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { formatTable } from '../format-table';
import { formatMoment } from '../format-time';
import { showOne } from '../show';
import type { Terminal } from '../terminal';

const AnswerSchema = UsageSchema.extend({ repositories: z.array(RepositoryUsageSchema) });
type Answer = z.output<typeof AnswerSchema>;

interface Options {
  readonly fresh?: boolean;
  readonly limit: number;
}

export function addUsage(program: Command, terminal: Terminal): void {
  const command = program
    .command('usage')
    .summary('what the store holds, and where it goes')
    .description('What the store holds, as docker system df shows it: in all, by kind, and by repository.')
    .option('--fresh', 'have it counted now, and wait; a large store is counted now and then')
    .option('--limit <count>', 'how many of the largest repositories', wholeNumber(1, 1000), 10)
    .action(doing<Options>(terminal, read));
  withExamples(command, [
    ['entrepot usage', 'in all, and the ten largest repositories'],
    ['entrepot usage --fresh --output json', 'counted now, in bytes'],
  ]);
}

async function read(desk: Desk, _: readonly string[], { fresh, limit }: Options): Promise<void> {
  const usage = await desk.warehouse.ask(AnswerSchema, 'GET', '/api/v1/usage', { query: { fresh, limit } });
  const names = ({ repositories }: Answer) => repositories.map(({ repository }) => repository);
  showOne(desk.terminal, desk.output, { names, table: (all) => all.map(report).join('\n') }, usage);
}

function report(usage: Answer): string {
  const { images, containers, repositories } = usage;
  const { unlisted, uploads, condemned, purging, lost } = usage;
  const kinds = [
    ['images', images.count, images.active, images.bytes, images.reclaimableBytes],
    ['containers', containers.count, containers.active, containers.bytes, null],
    ['unlisted blobs', unlisted.count, null, unlisted.bytes, unlisted.bytes],
    ['uploads', uploads.count, null, uploads.bytes, null],
    ['condemned', condemned.count, null, condemned.bytes, null],
    ['purging', purging.count, null, purging.bytes, null],
    ...(lost.count > 0 ? [['lost (not in the sum)', lost.count, null, lost.bytes, null] as const] : []),
  ] as const;
  return [
    formatTable<(typeof kinds)[number]>(
      [
        { title: 'KIND', text: ([kind]) => kind },
        { title: 'COUNT', right: true, text: ([, count]) => String(count) },
        { title: 'ACTIVE', right: true, text: ([, , active]) => (active === null ? '' : String(active)) },
        { title: 'SIZE', right: true, text: ([, , , bytes]) => formatSize(bytes) },
        { title: 'RECLAIMABLE', right: true, text: ([, , , , free]) => (free === null ? '' : formatSize(free)) },
      ],
      kinds,
    ),
    `\n${formatSize(usage.bytes)} in all, ${formatSize(usage.reclaimableBytes)} of them reclaimable; of the images ${formatSize(images.sharedBytes)} are shared. Counted ${formatMoment(usage.asOf, Date.now())}.\n`,
    ...(repositories.length > 0 ? ['\n', largest(repositories)] : []),
  ].join('');
}

function largest(repositories: Answer['repositories']): string {
  return formatTable(
    [
      { title: 'REPOSITORY', text: ({ repository }) => repository },
      { title: 'MANIFESTS', right: true, text: ({ manifests }) => String(manifests) },
      { title: 'TAGS', right: true, text: ({ tags }) => String(tags) },
      { title: 'SIZE', right: true, text: ({ bytes }) => formatSize(bytes) },
      { title: 'UNIQUE', right: true, text: ({ uniqueBytes }) => formatSize(uniqueBytes) },
    ],
    repositories,
  );
}
