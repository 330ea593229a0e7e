import type { Command } from 'commander';
import { z } from 'zod';
import { type ContainerPruneOutcome, ContainerPruneOutcomeSchema } from '#contracts/bodies/container';
import { asked, type Desk, doing, several, withExamples } from '../desk';
import { EXIT, Fault } from '../fault';
import { SeenOperationSchema } from '../seen-operation';
import { type Face, showOne } from '../show';
import type { Terminal } from '../terminal';
import { waitForOutcome } from '../wait-for-outcome';

interface Options {
  readonly until?: string;
  readonly label?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

interface Filters {
  readonly until?: string;
  readonly labels?: readonly string[];
}

export function addPrune(containers: Command, terminal: Terminal): void {
  const prune = containers
    .command('prune')
    .description('Remove the containers that have no process: created, exited and dead ones.')
    .option('--until <when>', 'only those created so long ago, 36h or 30d, or before that time')
    .option('--label <label>', 'only with this label: key, key=value, or !key; may be given several times', several)
    .option('--dry-run', 'remove nothing, and say what would go')
    .option('-y, --yes', 'do not ask')
    .action(doing<Options>(terminal, pruneAll));
  withExamples(prune, [
    ['entrepot containers prune --until 7d --dry-run', 'what would go, and nothing goes'],
    ['entrepot containers prune --yes', 'all that have no process, without a question'],
  ]);
}

async function pruneAll(desk: Desk, _: readonly string[], { until, label, dryRun, yes }: Options): Promise<void> {
  const filters = { ...(until === undefined ? {} : { until }), ...(label === undefined ? {} : { labels: label }) };
  if (dryRun || !yes) {
    const would = await prune(desk, { ...filters, dryRun: true });
    if (dryRun) return showOne(desk.terminal, desk.output, FACE, would);
    if (would.count > 0) await confirm(desk.terminal, would);
  }
  showOne(desk.terminal, desk.output, FACE, await prune(desk, filters));
}

/** What came of it, which for many is known after a while. */
async function prune(desk: Desk, body: Filters & { dryRun?: true }): Promise<ContainerPruneOutcome> {
  const AnswerSchema = z.union([ContainerPruneOutcomeSchema, SeenOperationSchema]);
  const answer = await desk.warehouse.ask(AnswerSchema, 'POST', '/api/v1/containers/prune', { ...asked(), body });
  if ('count' in answer) return answer;
  const { outcome } = await waitForOutcome(desk, answer);
  return ContainerPruneOutcomeSchema.parse(outcome);
}

async function confirm(terminal: Terminal, { count }: ContainerPruneOutcome): Promise<void> {
  const what = count === 1 ? '1 container goes' : `${count} containers go`;
  const look = 'to see which: no, then entrepot containers prune --dry-run';
  const answer = await terminal.ask(`${what} (${look}). Go on? [y/N] `);
  if (answer === null) throw new Fault(`${what}, and there is nobody to ask: add --yes`, EXIT.usage);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Fault('nothing was pruned');
}

const FACE: Face<ContainerPruneOutcome> = {
  names: ({ containers }) => containers.map(({ container }) => container),
  table: (all) => all.map(prunedText).join(''),
};

function prunedText({ containers, count, dryRun }: ContainerPruneOutcome): string {
  const verb = dryRun ? 'would remove' : 'removed';
  const more = count - containers.length;
  const lines = containers.map(({ name }) => `${verb} ${name}`);
  return [...lines, ...(more > 0 ? [`${verb} ${more} more`] : []), `${count} in all`]
    .map((line) => `${line}\n`)
    .join('');
}
