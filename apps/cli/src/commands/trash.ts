import type { Command } from 'commander';
import { type RestoreOutcome, RestoreOutcomeSchema } from '#contracts/bodies/restore';
import { type TrashEntry, TrashEntrySchema } from '#contracts/calls/trash';
import { asked, type Desk, doing, limitOption, sayMore, shortId, withExamples } from '../desk';
import { formatMoment } from '../format-time';
import { pasteImage } from '../paste-name';
import { showList, showOne, tableOf } from '../show';
import type { Terminal } from '../terminal';

interface Options {
  readonly repository?: string;
  readonly limit?: number;
}

export function addTrash(program: Command, terminal: Terminal): void {
  const trash = program
    .command('trash')
    .summary('what was removed and can be had back')
    .description('List what was removed and can be had back, what stays longest first.')
    .option('--repository <repository>', 'only of this one, as it is stored: team/app')
    .addOption(limitOption())
    .action(doing<Options>(terminal, list));
  withExamples(trash, [['entrepot trash --repository docker.io/library/node', 'what was removed there']]);
  const restore = program
    .command('restore')
    .summary('have back what was removed')
    .description('Have back what was removed, with all of its tags; where one names something else now, nothing.')
    .argument('<id>', 'the entry, as trash lists it')
    .action(doing(terminal, bringBack));
  withExamples(restore, [
    ['entrepot restore "$(entrepot trash --output name --limit 1)"', 'what would stay there longest: mostly the last'],
  ]);
}

async function list(desk: Desk, _: readonly string[], { repository, limit }: Options): Promise<void> {
  const { all, more } = await desk.warehouse.list(TrashEntrySchema, '/api/v1/trash', { repository }, limit);
  const now = Date.now();
  const face = tableOf<TrashEntry>(
    [
      { title: 'ID', text: ({ id }) => id },
      { title: 'REPOSITORY', text: (entry) => entry.repository },
      { title: 'TAGS', text: tagsOf },
      { title: 'IMAGE', text: ({ digest }) => shortId(desk, digest) },
      { title: 'REMOVED', text: ({ removedAt }) => formatMoment(removedAt, now) },
      { title: 'BY', text: ({ removedBy }) => removedBy },
      { title: 'GOES', text: ({ until }) => formatMoment(until, now) },
    ],
    ({ id }) => [id],
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
}

function tagsOf({ tags, tagCount }: TrashEntry): string {
  const shown = tags.slice(0, 3).join(',');
  return tagCount > 3 ? `${shown} and ${tagCount - 3} more` : shown;
}

async function bringBack(desk: Desk, [id = '']: readonly string[]): Promise<void> {
  const path = `/api/v1/trash/${encodeURIComponent(id)}/restore`;
  const restored = await desk.warehouse.ask(RestoreOutcomeSchema, 'POST', path, asked());
  const names = (image: RestoreOutcome) => pasteImage(image, desk.warehouse.base.host);
  const lines = (image: RestoreOutcome) =>
    names(image)
      .map((name) => `restored ${name}\n`)
      .join('');
  showOne(desk.terminal, desk.output, { names, table: (all) => all.map(lines).join('') }, restored);
}
