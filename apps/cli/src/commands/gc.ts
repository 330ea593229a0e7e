import { type Command, Option } from 'commander';
import { type Cleanup, CleanupSchema, GC_RUN_KINDS, type GcRun, GcRunSchema, type Scrub } from '#contracts/calls/runs';
import { type Desk, doing, limitOption, sayMore, withExamples } from '../desk';
import { formatSize } from '../format-size';
import { formatFields } from '../format-table';
import { formatDuration, formatMoment } from '../format-time';
import { type Face, showList, showOne, tableOf } from '../show';
import type { Terminal } from '../terminal';

interface RunOptions {
  readonly kind?: string;
  readonly limit?: number;
}

export function addGc(program: Command, terminal: Terminal): void {
  const gc = program
    .command('gc')
    .summary('how cleanup goes')
    .description('Cleanup: what it did, whether it works, and stopping it for a while. It runs by itself.');
  const runs = gc
    .command('runs')
    .description('Runs of cleanup, the newest first.')
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(GC_RUN_KINDS))
    .addOption(limitOption().default(20, '20'))
    .action(doing<RunOptions>(terminal, list));
  withExamples(runs, [['entrepot gc runs --kind prune', 'what was pruned']]);
  const show = gc
    .command('show')
    .description('What a run saw, kept and why, and took.')
    .argument('<id>', 'the run, as the list shows it')
    .action(doing(terminal, read));
  withExamples(show, [['entrepot gc show ID --output yaml', 'all of its report']]);
  addState(gc, terminal, 'status', 'GET', '', 'Whether cleanup works, and what waits for it.');
  const stopped = 'Stop cleanup until it is resumed: nothing is removed, condemned or purged, on any replica.';
  addState(gc, terminal, 'pause', 'POST', '/pause', stopped);
  addState(gc, terminal, 'resume', 'POST', '/resume', 'Let cleanup go on.');
}

function addState(gc: Command, terminal: Terminal, name: string, method: string, path: string, what: string): void {
  const command = gc.command(name).description(what);
  command.action(
    doing(terminal, async (desk) => {
      const cleanup = await desk.warehouse.ask(CleanupSchema, method, `/api/v1/gc${path}`);
      showOne(desk.terminal, desk.output, CLEANUP, cleanup);
    }),
  );
  withExamples(command, [[`entrepot gc ${name}`, 'and it says how cleanup stands']]);
}

async function list(desk: Desk, _: readonly string[], { kind, limit }: RunOptions): Promise<void> {
  const { all, more } = await desk.warehouse.list(GcRunSchema, '/api/v1/gc/runs', { kind }, limit);
  const now = Date.now();
  const face = tableOf<GcRun>(
    [
      { title: 'ID', text: ({ id }) => id },
      { title: 'KIND', text: (run) => run.kind },
      { title: 'STATE', text: ({ state }) => state },
      { title: 'STARTED', text: ({ startedAt }) => formatMoment(startedAt, now) },
      { title: 'TIME', right: true, text: timeOf },
      { title: 'SEEN', right: true, text: ({ seen }) => String(seen) },
      { title: 'REMOVED', right: true, text: ({ removed }) => String(removed) },
      { title: 'PURGED', right: true, text: ({ purgedBytes }) => formatSize(purgedBytes) },
      { title: 'ERRORS', right: true, text: ({ errors }) => String(errors) },
    ],
    ({ id }) => [id],
  );
  showList(desk.terminal, desk.output, face, all);
  sayMore(desk, more);
}

async function read(desk: Desk, [id = '']: readonly string[]): Promise<void> {
  const run = await desk.warehouse.ask(GcRunSchema, 'GET', `/api/v1/gc/runs/${encodeURIComponent(id)}`);
  showOne(desk.terminal, desk.output, RUN, run);
}

const timeOf = ({ startedAt, endedAt }: GcRun) =>
  endedAt === null ? '' : formatDuration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000);

const RUN: Face<GcRun> = { names: ({ id }) => [id], table: (runs) => runs.map(runText).join('\n') };

function runText(run: GcRun): string {
  return formatFields([
    ['Run', run.id],
    ['Kind', run.kind],
    ['State', run.state],
    ['Plan', run.plan ?? ''],
    ['Started', formatMoment(run.startedAt, Date.now())],
    ['Time', timeOf(run)],
    ['Seen', String(run.seen)],
    ['Kept', Object.entries(run.kept).map(([why, count]) => `${count} by ${why}`)],
    ['Removed', run.kind === 'prune' ? `${run.removed}, ${formatSize(run.removedBytes)}` : String(run.removed)],
    ['Condemned', `${run.condemned}, ${formatSize(run.condemnedBytes)}`],
    ['Purged', `${run.purged}, ${formatSize(run.purgedBytes)}`],
    ['Errors', run.lastError === null ? String(run.errors) : `${run.errors}, the last: ${run.lastError}`],
  ]);
}

const CLEANUP: Face<Cleanup> = {
  names: ({ paused, resting }) => [paused ? 'paused' : resting ? 'resting' : 'working'],
  table: (all) => all.map(cleanupText).join('\n'),
};

function cleanupText({ paused, pausedAt, pausedBy, resting, opensAt, due, run, scrub }: Cleanup): string {
  return formatFields([
    ['Cleanup', paused ? `paused ${formatMoment(pausedAt, Date.now())} by ${pausedBy ?? 'somebody'}` : 'works'],
    ['Collector', resting ? `rests until ${opensAt ?? 'a schedule says otherwise'}` : ''],
    ['Due', `${due >= 10_000 ? '10000 or more' : due} reviews`],
    ['Under way', run?.id ?? ''],
    ['Scrub', scrub ? scrubText(scrub) : ''],
    ['Lost', scrub && scrub.lost > 0 ? `${scrub.lost} blobs, the last ${formatMoment(scrub.lostAt, Date.now())}` : ''],
  ]);
}

function scrubText({ everyMs, running, due, oldest }: Scrub): string {
  if (everyMs === 0) return 'off';
  const waits = due >= 10_000 ? '10000 or more blobs are due' : due > 0 ? `${due} blobs are due` : 'nothing is due';
  const reads = running > 0 ? `, ${running} read now` : '';
  return `${waits}${reads}${oldest === null ? '' : `, the oldest was verified ${formatMoment(oldest, Date.now())}`}`;
}
