import type { Command } from 'commander';
import { TagMoveSchema } from '#contracts/calls/names';
import { type Desk, doing, limitOption, sayMore, shortId, withExamples } from '../desk';
import { formatMoment } from '../format-time';
import { showList, tableOf } from '../show';
import type { Terminal } from '../terminal';

export function addTagHistory(program: Command, terminal: Terminal): void {
  const command = program
    .command('tag-history')
    .summary('what a tag named before')
    .description('What a tag named, the newest first, also after it was taken away; and whether it can go back there.')
    .argument('<reference>', 'the tag, as one types it: node:22, localhost:5050/team/app:1')
    .addOption(limitOption())
    .action(doing<{ limit?: number }>(terminal, listMoves));
  withExamples(command, [
    ['entrepot tag-history localhost:5050/team/app:prod', 'every image that prod was, since when, and who moved it'],
  ]);
}

async function listMoves(desk: Desk, [reference]: readonly string[], { limit }: { limit?: number }): Promise<void> {
  const { all, more } = await desk.warehouse.list(TagMoveSchema, '/api/v1/tags/history', { reference }, limit);
  const now = Date.now();
  const face = tableOf<(typeof all)[number]>(
    [
      { title: 'MOVED', text: ({ movedAt }) => formatMoment(movedAt, now) },
      { title: 'FROM', text: ({ from }) => (from === null ? '(new)' : shortId(desk, from)) },
      { title: 'TO', text: ({ to }) => (to === null ? '(taken away)' : shortId(desk, to)) },
      { title: 'BY', text: ({ movedBy }) => movedBy },
      { title: 'HELD', text: ({ to, held }) => (to === null ? '' : held ? 'yes' : 'no') },
    ],
    ({ to }) => (to === null ? [] : [to]),
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
}
