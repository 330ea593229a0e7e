import { type Command, Option } from 'commander';
import { OPERATION_KINDS, OperationStateSchema } from '#contracts/operation';
import { type Desk, doing, limitOption, sayMore, withExamples } from '../desk';
import { outcomeOf } from '../follow-operation';
import { SeenOperationSchema } from '../seen-operation';
import { showList, showOne } from '../show';
import type { Terminal } from '../terminal';
import { watchToTheEnd } from '../wait-for-outcome';
import { operationFace, operationsFace } from './operation-face';

interface ListOptions {
  readonly kind?: string;
  readonly state?: string;
  readonly limit?: number;
}

const PATH = '/api/v1/operations';

export function addOperations(program: Command, terminal: Terminal): void {
  const operations = program
    .command('operations')
    .summary('what was asked for, and how it goes')
    .description('Operations: whatever was asked for, by this command, by REST or by a message, and how it goes.');
  const ls = operations
    .command('ls')
    .description('List operations, the newest first.')
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(OPERATION_KINDS))
    .addOption(new Option('--state <state>', 'only in this state').choices(OperationStateSchema.options))
    .addOption(limitOption().default(20, '20'))
    .action(doing<ListOptions>(terminal, list));
  withExamples(ls, [['entrepot operations ls --state running', 'what is done at the moment']]);
  const show = id(operations.command('show')).description('Everything that is known of an operation.');
  withExamples(show.action(doing(terminal, read)), [['entrepot operations show ID --output yaml', 'as YAML']]);
  const watch = id(operations.command('follow')).description(
    'Follow an operation to its end. The exit code is that of the operation: 0 where it completed.',
  );
  withExamples(watch.action(doing(terminal, follow)), [
    ['entrepot operations follow ID', 'as a pull that was begun elsewhere'],
  ]);
  const cancel = id(operations.command('cancel')).description(
    'Call an operation off: at once while it waits, soon while it runs.',
  );
  withExamples(cancel.action(doing(terminal, callOff)), [['entrepot operations cancel ID', 'it ends cancelled']]);
}

const id = (command: Command) => command.argument('<id>', 'the operation, as its list and its answer name it');
const placeOf = ([id = '']: readonly string[]) => `${PATH}/${encodeURIComponent(id)}`;

async function list(desk: Desk, _: readonly string[], { kind, state, limit }: ListOptions): Promise<void> {
  const { all, more } = await desk.warehouse.list(SeenOperationSchema, PATH, { kind, state }, limit);
  showList(desk.terminal, desk.output, operationsFace(), all);
  sayMore(desk, more);
}

async function read(desk: Desk, args: readonly string[]): Promise<void> {
  const operation = await desk.warehouse.ask(SeenOperationSchema, 'GET', placeOf(args));
  showOne(desk.terminal, desk.output, operationFace(desk), operation);
}

async function follow(desk: Desk, args: readonly string[]): Promise<void> {
  const operation = await desk.warehouse.ask(SeenOperationSchema, 'GET', placeOf(args));
  const ended = await watchToTheEnd(desk, operation);
  outcomeOf(ended);
  showOne(desk.terminal, desk.output, operationFace(desk), ended);
}

async function callOff(desk: Desk, args: readonly string[]): Promise<void> {
  const operation = await desk.warehouse.ask(SeenOperationSchema, 'DELETE', placeOf(args));
  showOne(desk.terminal, desk.output, operationFace(desk), operation);
}
