import type { Command } from 'commander';
import { PruneOutcomeSchema } from '#contracts/bodies/prune';
import { type Plan, type PlanItem, PlanItemSchema, PlanSchema } from '#contracts/calls/plans';
import { asked, type Desk, doing, several, shortId, withExamples } from '../desk';
import { EXIT, Fault } from '../fault';
import { formatSize } from '../format-size';
import { formatFields, formatTable } from '../format-table';
import { formatMoment } from '../format-time';
import { pasteImage } from '../paste-name';
import { SeenOperationSchema } from '../seen-operation';
import { type Face, showOne } from '../show';
import type { Terminal } from '../terminal';
import { waitForOutcome } from '../wait-for-outcome';
import { operationFace } from './operation-face';

interface Options {
  readonly unused?: boolean;
  readonly until?: string;
  readonly repository?: string;
  readonly label?: readonly string[];
  readonly dryRun?: boolean;
  readonly plan?: string;
  readonly yes?: boolean;
  readonly wait: boolean;
}

type WholePlan = Plan & { readonly list: readonly PlanItem[] };

export function addPrune(program: Command, terminal: Terminal): void {
  const command = program
    .command('prune')
    .summary('take away images that nothing uses')
    .description(
      'Take away images that nothing uses: those without a tag, or with --unused those with one too. It is planned first, and carried out as it was planned once you said yes: what is otherwise by then is left alone.',
    )
    .option('--unused', 'images with tags too, as long as no container uses them')
    .option('--until <when>', 'only what neither came nor was pulled for that long: 36h, 30d, or since that time')
    .option(
      '--repository <pattern>',
      'only in these, as they are stored: docker.io/library/*, or quay.io/** to any depth',
    )
    .option('--label <label>', 'only with this label: key, or key=value; may be given several times', several)
    .option('--dry-run', 'only plan it: what would go, and why; the plan can be carried out later')
    .option('--plan <id>', 'carry out this plan, as it was read')
    .option('-y, --yes', 'do not ask')
    .option('--wait', 'wait for its end (this is what is done unless told otherwise)', true)
    .option('--no-wait', 'answer as soon as it is taken in, with the operation')
    .action(doing<Options>(terminal, prune));
  withExamples(command, [
    ['entrepot prune --unused --until 30d --dry-run', 'what nobody used for a month, and nothing goes'],
    ['entrepot prune --plan ID', 'just that, as it was read'],
    ['entrepot prune --yes', 'images without a tag, without a question'],
  ]);
}

async function prune(desk: Desk, _: readonly string[], options: Options): Promise<void> {
  const { dryRun, plan: planned, yes, wait } = options;
  const body = filtersOf(options);
  if (planned !== undefined && (dryRun || Object.keys(body).length > 0))
    throw new Fault('--plan carries out what was planned: it goes with no filter', EXIT.usage);
  if (planned !== undefined) return apply(desk, planned, wait);
  const ask = { ...asked(), body: { ...body, dryRun: true } };
  const plan = await desk.warehouse.ask(PlanSchema, 'POST', '/api/v1/prune', ask);
  if (dryRun) return showOne(desk.terminal, desk.output, planFace(desk), await withItems(desk, plan));
  if (plan.items > 0 && !yes) await confirm(desk.terminal, plan);
  if (plan.items > 0) return apply(desk, plan.id, wait);
  desk.terminal.err(`nothing to prune: ${plan.seen} images were looked at\n`);
}

function filtersOf({ unused, until, repository, label }: Options): object {
  const said = { unused, until, repository, labels: label };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

async function confirm(terminal: Terminal, { id, items, seen }: Plan): Promise<void> {
  const what = `${items} of ${seen} images go`;
  const answer = await terminal.ask(`${what} (to see which: no, then the same with --dry-run). Go on? [y/N] `);
  if (answer === null)
    throw new Fault(`${what}, and there is nobody to ask: add --yes, or entrepot prune --plan ${id}`, EXIT.usage);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Fault('nothing was pruned');
}

async function apply(desk: Desk, id: string, wait: boolean): Promise<void> {
  const path = `/api/v1/plans/${encodeURIComponent(id)}/apply`;
  const operation = await desk.warehouse.ask(SeenOperationSchema, 'POST', path, asked());
  if (!wait) return showOne(desk.terminal, desk.output, operationFace(desk), operation);
  const { outcome } = await waitForOutcome(desk, operation);
  const names = () => [id];
  const table = () => outcomeText(PruneOutcomeSchema.parse(outcome));
  showOne(desk.terminal, desk.output, { names, table }, outcome);
}

function outcomeText({ seen, removed, removedBytes, left, kept }: ReturnType<typeof PruneOutcomeSchema.parse>): string {
  return formatFields([
    ['Removed', `${removed}, ${formatSize(removedBytes)}`],
    ['Left alone', left > 0 ? `${left}, which were otherwise by then` : ''],
    ['Kept', keptLines(kept)],
    ['Looked at', String(seen)],
  ]);
}

const keptLines = (kept: Readonly<Record<string, number>>) =>
  Object.entries(kept).map(([why, count]) => `${count} by ${why}`);

async function withItems(desk: Desk, plan: Plan): Promise<WholePlan> {
  const path = `/api/v1/plans/${plan.id}`;
  const itemsOf = (page: unknown) => (page as { list?: unknown } | undefined)?.list;
  const { all } = await desk.warehouse.list(PlanItemSchema, path, {}, undefined, itemsOf);
  return { ...plan, list: all };
}

function planFace(desk: Desk): Face<WholePlan> {
  const { host } = desk.warehouse.base;
  return {
    names: ({ list }) => list.flatMap((item) => pasteImage(item, host)),
    table: (plans) => plans.map((plan) => planText(desk, plan)).join('\n'),
  };
}

function planText(desk: Desk, { id, list, until, kept, seen }: WholePlan): string {
  const now = Date.now();
  const items = formatTable<PlanItem>(
    [
      { title: 'REPOSITORY', text: ({ repository }) => repository },
      { title: 'TAGS', text: ({ tags }) => tags.join(',') || '<none>' },
      { title: 'ID', text: ({ digest }) => shortId(desk, digest) },
      { title: 'SIZE', right: true, text: ({ size }) => formatSize(size) },
      { title: 'LAST USED', text: ({ usedAt }) => formatMoment(usedAt, now) },
      { title: 'WHY', text: ({ reason }) => reason },
    ],
    list,
  );
  const more: readonly (readonly [string, string | readonly string[]])[] = [
    ['Would go', `${list.length} of ${seen}`],
    ['Kept', keptLines(kept)],
    ['To do it', list.length === 0 ? '' : `entrepot prune --plan ${id}   (it ends ${formatMoment(until, now)})`],
  ];
  return `${list.length === 0 ? '' : `${items}\n`}${formatFields(more)}`;
}
