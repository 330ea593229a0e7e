import type { Command } from 'commander';
import type { Terminal } from '../terminal';
import { addActions } from './change-containers';
import { addCreate } from './create-container';
import { addInspect } from './inspect-container';
import { addList } from './list-containers';
import { addPrune } from './prune-containers';
import { addRemove } from './remove-containers';
import { addRename } from './rename-container';

export function addContainers(program: Command, terminal: Terminal): void {
  const containers = program
    .command('containers')
    .summary('what uses the images')
    .description(
      'Containers: records that some workload uses an image, with the configuration that it runs with. What a container uses is never collected.',
    );
  addList(containers, terminal);
  addCreate(containers, terminal);
  addInspect(containers, terminal);
  addActions(containers, terminal);
  addRemove(containers, terminal);
  addRename(containers, terminal);
  addPrune(containers, terminal);
}
