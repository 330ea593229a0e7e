import type { Command } from 'commander';
import { z } from 'zod';
import { type Desk, doing, shortId, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { formatMoment } from '../format-time';
import { showList, tableOf } from '../show';
import type { Terminal } from '../terminal';

const StepSchema = z.looseObject({
  created: z.string().nullable(),
  createdBy: z.string().nullable(),
  comment: z.string().nullable(),
  layer: z.looseObject({ digest: z.string(), size: z.number(), held: z.boolean() }).nullable(),
});
const HistorySchema = z.looseObject({ history: z.array(StepSchema) });
type Step = z.output<typeof StepSchema>;

/** As much of a step as stands in a line beside the rest of it. */
const LONGEST = 60;

export function addHistory(program: Command, terminal: Terminal): void {
  const command = program
    .command('history')
    .summary('how an image was made, with its layers')
    .description('How an image was made, the last step first: with the layer that each step made, and its size.')
    .argument('<reference>', 'a name, a digest, an id or the beginning of one')
    .option('--platform <platform>', 'which image of an index: linux/arm64')
    .action(doing<{ platform?: string }>(terminal, list));
  withExamples(command, [
    ['entrepot history node:22', 'which step made it large'],
    ['entrepot history node:22 --no-trunc', 'with the whole of each step'],
  ]);
}

async function list(desk: Desk, [reference]: readonly string[], { platform }: { platform?: string }): Promise<void> {
  const query = { reference, platform };
  const { history } = await desk.warehouse.ask(HistorySchema, 'GET', '/api/v1/images/inspect', { query });
  const now = Date.now();
  const face = tableOf<Step>(
    [
      { title: 'LAYER', text: ({ layer }) => (layer === null ? '' : shortId(desk, layer.digest)) },
      { title: 'SIZE', right: true, text: ({ layer }) => (layer === null ? '' : sizeOf(layer)) },
      { title: 'MADE', text: ({ created }) => formatMoment(created, now) },
      { title: 'BY', text: (step) => stepText(desk, step) },
    ],
    ({ layer }) => (layer === null ? [] : [layer.digest]),
  );
  showList(desk.terminal, desk.output, face, history.toReversed());
}

const sizeOf = ({ size, held }: NonNullable<Step['layer']>) => `${formatSize(size)}${held ? '' : ', not here'}`;

function stepText({ whole }: Desk, { createdBy, comment }: Step): string {
  const text = (createdBy || comment || '').replace(/\s+/g, ' ');
  return whole || text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
