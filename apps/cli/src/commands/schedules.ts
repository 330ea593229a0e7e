import type { Command } from 'commander';
import { z } from 'zod';
import { type Schedule, ScheduleSchema } from '#contracts/calls/schedules';
import { type Desk, doing, limitOption, sayMore, several, wholeNumber, withExamples } from '../desk';
import { EXIT, Fault } from '../fault';
import { formatFields } from '../format-table';
import { formatMoment } from '../format-time';
import { type Face, showList, showOne, tableOf } from '../show';
import type { Terminal } from '../terminal';

interface SetOptions {
  readonly timeZone?: string;
  readonly unused?: boolean;
  readonly until?: string;
  readonly repository?: string;
  readonly label?: readonly string[];
  readonly share?: number;
  readonly collect?: number | true;
  readonly disabled?: boolean;
}

const PATH = '/api/v1/schedules';

export function addSchedules(program: Command, terminal: Terminal): void {
  const schedules = program
    .command('schedules')
    .summary('what is cleaned up by the clock')
    .description('Schedules: a prune that is done by the clock, or when the collector works.');
  const ls = schedules
    .command('ls')
    .description('List schedules by name.')
    .addOption(limitOption())
    .action(doing<{ limit?: number }>(terminal, list));
  withExamples(ls, [['entrepot schedules ls', 'with when each is next, and what came of the last time']]);
  const show = one(schedules.command('show')).description('A schedule.').action(doing(terminal, read));
  withExamples(show, [['entrepot schedules show nightly --output yaml', 'all of it']]);
  addSet(schedules, terminal);
  const rm = one(schedules.command('rm')).description('Take a schedule away; what it began goes on.');
  withExamples(rm.action(doing(terminal, remove)), [
    ['entrepot schedules rm nightly', 'nothing is done by it any more'],
  ]);
}

const one = (command: Command) => command.argument('<name>', 'the schedule');
const placeOf = (name = '') => `${PATH}/${encodeURIComponent(name)}`;

function addSet(schedules: Command, terminal: Terminal): void {
  const set = one(schedules.command('set'))
    .description(
      'Have something done by the clock, in place of what this schedule said before: a prune, or collecting.',
    )
    .argument('<cron>', "minute, hour, day, month, day of the week: '0 3 * * *'; or @daily, @weekly and so on")
    .option('--time-zone <zone>', 'whose clocks count, such as Europe/Berlin; UTC without it')
    .option('--unused', 'images with tags too, as long as no container uses them')
    .option('--until <when>', 'only what neither came nor was pulled for that long: 36h, 30d')
    .option(
      '--repository <pattern>',
      'only in these, as they are stored: docker.io/library/*, or quay.io/** to any depth',
    )
    .option('--label <label>', 'only with this label: key, or key=value; may be given several times', several)
    .option(
      '--share <percent>',
      'how many percent of all images it may take unasked; 100: all there are, too',
      wholeNumber(0, 100),
    )
    .option(
      '--collect [hours]',
      'no prune: the collector works then, for two hours or so many, and rests otherwise',
      wholeNumber(1, 168),
    )
    .option('--disabled', 'keep it, and do nothing by it')
    .action(doing<SetOptions>(terminal, put));
  withExamples(set, [
    [
      "entrepot schedules set nightly '0 3 * * *' --unused --until 30d",
      'at three in the night, what nobody used for a month',
    ],
    [
      "entrepot schedules set weekends '0 22 * * 6' --collect 8",
      'bytes go in the night to Sunday, and at no other time',
    ],
  ]);
}

async function list(desk: Desk, _: readonly string[], { limit }: { limit?: number }): Promise<void> {
  const { all, more } = await desk.warehouse.list(ScheduleSchema, PATH, {}, limit);
  showList(desk.terminal, desk.output, schedulesFace(), all);
  sayMore(desk, more);
}

async function read(desk: Desk, [name]: readonly string[]): Promise<void> {
  const schedule = await desk.warehouse.ask(ScheduleSchema, 'GET', placeOf(name));
  showOne(desk.terminal, desk.output, scheduleFace(), schedule);
}

async function put(desk: Desk, [name, cron]: readonly string[], options: SetOptions): Promise<void> {
  const { timeZone, disabled } = options;
  const body = { cron, ...whatOf(options), ...said({ timeZone, enabled: disabled ? false : undefined }) };
  const schedule = await desk.warehouse.ask(ScheduleSchema, 'PUT', placeOf(name), { body });
  showOne(desk.terminal, desk.output, schedulesFace(), schedule);
}

const said = (fields: object) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

function whatOf({ unused, until, repository, label, share, collect }: SetOptions): object {
  const prune = said({
    unused,
    until,
    repository,
    labels: label,
    share,
  });
  if (collect === undefined) return { prune };
  if (Object.keys(prune).length > 0)
    throw new Fault('--collect takes nothing away: it goes with no option of a prune', EXIT.usage);
  return { collection: collect === true ? {} : { hours: collect } };
}

async function remove(desk: Desk, [name]: readonly string[]): Promise<void> {
  await desk.warehouse.ask(z.undefined(), 'DELETE', placeOf(name));
  desk.terminal.err(`${name} is gone\n`);
}

/** All of one: what it takes, too. */
function scheduleFace(): Face<Schedule> {
  const now = Date.now();
  const fieldsOf = (schedule: Schedule) => {
    const { name, cron, timeZone, enabled, dueAt, firedAt, firedOperation, source } = schedule;
    return [
      ['Schedule', `${name}${enabled ? '' : ' (does nothing: it is not enabled)'}`],
      ['When', `${cron} ${timeZone}`],
      [schedule.prune ? 'Prunes' : 'Collects', doneBy(schedule)],
      ['Next', dueAt === null ? 'never' : `${formatMoment(dueAt, now)}, at ${dueAt}`],
      ['Last', firedAt === null ? 'never' : `${formatMoment(firedAt, now)}, at ${firedAt}`],
      ['Operation', firedOperation ?? ''],
      ['Set in', source],
    ] as const;
  };
  return {
    names: ({ name }) => [name],
    table: (all) => all.map((one) => formatFields([...fieldsOf(one), ['Refused', one.firedError ?? '']])).join('\n'),
  };
}

function doneBy({ prune, collection }: Schedule): string[] {
  return prune ? prunedBy(prune) : [`for ${collection?.hours} h, and rests at other times`];
}

function prunedBy({ unused, until, repository, labels, share }: NonNullable<Schedule['prune']>): string[] {
  return [
    unused ? 'images that no container uses, with and without a tag' : 'images without a tag',
    ...(until === undefined
      ? []
      : [`that neither came nor were pulled ${/^\d{4}-/.test(until) ? 'since' : 'for'} ${until}`]),
    ...(repository === undefined ? [] : [`in ${repository}`]),
    ...labels.map((label) => `with the label ${label}`),
    ...(share === undefined ? [] : [`at most ${share} % of all`]),
  ];
}

function schedulesFace(): Face<Schedule> {
  const now = Date.now();
  return tableOf(
    [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'WHEN', text: ({ cron, timeZone }) => `${cron} ${timeZone}` },
      { title: 'DOES', text: ({ prune }) => (prune ? 'prune' : 'collect') },
      { title: 'NEXT', text: ({ dueAt }) => (dueAt === null ? 'never' : formatMoment(dueAt, now)) },
      { title: 'LAST', text: ({ firedAt, firedError }) => firedError ?? formatMoment(firedAt, now) },
      { title: 'SET IN', text: ({ source }) => source },
    ],
    ({ name }) => [name],
  );
}
