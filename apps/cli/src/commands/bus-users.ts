import type { Command } from 'commander';
import { z } from 'zod';
import { type BusUser, BusUserSchema, NewBusUserSchema } from '#contracts/calls/bus-users';
import { type Desk, doing, limitOption, sayMore, withExamples } from '../desk';
import { formatFields } from '../format-table';
import { formatMoment } from '../format-time';
import { type Face, showList, showOne, tableOf } from '../show';
import type { Terminal } from '../terminal';

const PATH = '/api/v1/bus-users';

export function addBusUsers(program: Command, terminal: Terminal): void {
  const users = program
    .command('bus-users')
    .summary('who asks by messages in a name of its own')
    .description('Users of the bus: programs that ask by messages in a name of their own, and read what comes of it.');
  const ls = users
    .command('ls')
    .description('List the users of the bus by name.')
    .addOption(limitOption())
    .action(doing<{ limit?: number }>(terminal, list));
  withExamples(ls, [['entrepot bus-users ls', 'with when each was made, and by whom']]);
  const add = one(users.command('add')).description('Make a user of the bus; its password is shown this once.');
  withExamples(add.action(doing(terminal, create)), [
    ['entrepot bus-users add ci', 'what it logs in with, and the subjects that it may use'],
  ]);
  const rm = one(users.command('rm')).description('Delete a user of the bus; its connections are ended.');
  withExamples(rm.action(doing(terminal, remove)), [['entrepot bus-users rm ci', 'within a second or two']]);
}

const one = (command: Command) => command.argument('<name>', 'the user');

async function list(desk: Desk, _: readonly string[], { limit }: { limit?: number }): Promise<void> {
  const { all, more } = await desk.warehouse.list(BusUserSchema, PATH, {}, limit);
  showList(desk.terminal, desk.output, usersFace(), all);
  sayMore(desk, more);
}

async function create(desk: Desk, [name]: readonly string[]): Promise<void> {
  const user = await desk.warehouse.ask(NewBusUserSchema, 'POST', PATH, { body: { name } });
  showOne(desk.terminal, desk.output, newUserFace(), user);
}

async function remove(desk: Desk, [name = '']: readonly string[]): Promise<void> {
  await desk.warehouse.ask(z.undefined(), 'DELETE', `${PATH}/${encodeURIComponent(name)}`);
  desk.terminal.err(`${name} is gone\n`);
}

function usersFace(): Face<BusUser> {
  const now = Date.now();
  return tableOf(
    [
      { title: 'NAME', text: ({ name }) => name },
      { title: 'USER', text: ({ principal }) => principal },
      { title: 'MADE', text: ({ createdAt }) => formatMoment(createdAt, now) },
      { title: 'BY', text: ({ createdBy }) => createdBy },
    ],
    ({ name }) => [name],
  );
}

/** All that its program has to know. */
function newUserFace(): Face<z.output<typeof NewBusUserSchema>> {
  return {
    names: ({ name }) => [name],
    table: (all) =>
      all
        .map(({ name, principal, password }) =>
          formatFields([
            ['Name', name],
            ['User', principal],
            ['Password', `${password} (shown this once)`],
            ['Asks on', `entrepot.request.<verb>.${principal}`],
            ['Outcomes', `entrepot.outcome.${principal}.<operation>`],
            ['Inboxes', `_INBOX_${principal}`],
          ]),
        )
        .join('\n'),
  };
}
