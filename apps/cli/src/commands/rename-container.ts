import type { Command } from 'commander';
import { ContainerOutcomeSchema } from '#contracts/bodies/container';
import { asked, type Desk, doing, withExamples } from '../desk';
import { showOne } from '../show';
import type { Terminal } from '../terminal';
import { OUTCOME, placeOf, WHICH } from './container-outcome';

export function addRename(containers: Command, terminal: Terminal): void {
  const command = containers
    .command('rename')
    .argument('<container>', WHICH)
    .argument('<name>', 'its new name')
    .description('Give it another name.')
    .action(doing(terminal, rename));
  withExamples(command, [['entrepot containers rename web web-old', 'web is free again']]);
}

async function rename(desk: Desk, [container, name]: readonly string[]): Promise<void> {
  const ask = { ...asked(), body: { name } };
  const renamed = await desk.warehouse.ask(ContainerOutcomeSchema, 'PATCH', placeOf(container), ask);
  showOne(desk.terminal, desk.output, OUTCOME, renamed);
}
