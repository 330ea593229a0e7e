import type { Command } from 'commander';
import { type ContainerOutcome, ContainerOutcomeSchema } from '#contracts/bodies/container';
import { asked, type Desk, doing, withExamples } from '../desk';
import type { Face } from '../show';
import type { Terminal } from '../terminal';
import { changeEach, OUTCOME, placeOf, WHICH } from './container-outcome';

interface Options {
  readonly force?: boolean;
}

export function addRemove(containers: Command, terminal: Terminal): void {
  const rm = containers
    .command('rm')
    .description('Remove containers. Their images stay.')
    .argument('<container...>', WHICH)
    .option('-f, --force', 'even while it runs')
    .action(doing<Options>(terminal, remove));
  withExamples(rm, [['entrepot containers rm web worker --force', 'two of them, whether they run or not']]);
}

const remove = (desk: Desk, containers: readonly string[], { force }: Options): Promise<void> =>
  changeEach(
    desk,
    containers,
    (container) =>
      desk.warehouse.ask(ContainerOutcomeSchema, 'DELETE', placeOf(container), { ...asked(), query: { force } }),
    REMOVED,
  );

const REMOVED: Face<ContainerOutcome> = {
  ...OUTCOME,
  table: (outcomes) => outcomes.map(({ name }) => `removed ${name}\n`).join(''),
};
