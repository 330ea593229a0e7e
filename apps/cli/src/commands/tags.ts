import type { Command } from 'commander';
import { HeldTagSchema } from '#contracts/calls/names';
import { type Desk, doing, limitOption, sayMore, shortId, withExamples } from '../desk';
import { formatMoment } from '../format-time';
import { pasteName } from '../paste-name';
import { showList, tableOf } from '../show';
import type { Terminal } from '../terminal';

interface Options {
  readonly name?: string;
  readonly limit?: number;
}

export function addTags(program: Command, terminal: Terminal): void {
  const command = program
    .command('tags')
    .summary('list the tags of a repository')
    .description('List the tags of a repository: what each names, since when, by whom.')
    .argument('<repository>', 'as it is stored: docker.io/library/node, team/app')
    .option('--name <pattern>', 'only those that match: 22-*')
    .addOption(limitOption())
    .action(doing<Options>(terminal, listTags));
  withExamples(command, [["entrepot tags docker.io/library/node --name '22*'", 'those that begin with 22']]);
}

async function listTags(desk: Desk, [repository]: readonly string[], { name, limit }: Options): Promise<void> {
  const { all, more } = await desk.warehouse.list(HeldTagSchema, '/api/v1/tags', { repository, name }, limit);
  const now = Date.now();
  const face = tableOf<(typeof all)[number]>(
    [
      { title: 'TAG', text: (tag) => tag.name },
      { title: 'ID', text: ({ digest }) => shortId(desk, digest) },
      { title: 'MOVED', text: ({ movedAt }) => formatMoment(movedAt, now) },
      { title: 'BY', text: ({ movedBy }) => movedBy ?? '' },
      { title: 'CONFIRMED', text: ({ confirmedAt }) => formatMoment(confirmedAt, now) },
    ],
    (tag) => [`${pasteName(tag.repository, desk.warehouse.base.host)}:${tag.name}`],
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
}
