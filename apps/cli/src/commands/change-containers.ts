import type { Command } from 'commander';
import { CONTAINER_ACTIONS, type ContainerAction, ContainerOutcomeSchema } from '#contracts/bodies/container';
import { asked, doing, wholeNumber, withExamples } from '../desk';
import type { Terminal } from '../terminal';
import { changeEach, placeOf, WHICH } from './container-outcome';

/** As the API names them, with what each says. */
const ACTIONS: Readonly<Record<ContainerAction, string>> = {
  start: 'Say that a container runs: one that was created, or has exited.',
  restart: 'Say that a container was started anew, whether it ran or not. One that is paused is unpaused first.',
  pause: 'Say that a running container is paused.',
  unpause: 'Say that a paused container runs again.',
  exit: 'Say that a container has ended: one that ran, or was paused.',
  kill: 'Say that a container was killed: one that ran, or was paused.',
  die: 'Say that a container is dead: what ran it could not put it away. A dead one can only be removed.',
};

/** The exit code where none is said. */
const EXIT_CODES: Partial<Record<ContainerAction, string>> = { exit: '0', kill: '137' };

/** The verbs that say what became of a container. */
export function addActions(containers: Command, terminal: Terminal): void {
  for (const action of CONTAINER_ACTIONS) addAction(containers, terminal, action);
}

function addAction(containers: Command, terminal: Terminal, action: ContainerAction): void {
  const code = EXIT_CODES[action];
  const command = containers.command(action).description(ACTIONS[action]).argument('<container...>', WHICH);
  if (code) command.option('--exit-code <code>', `with which it ended; ${code} without it`, wholeNumber(0, 255));
  command.action(
    doing<{ exitCode?: number }>(terminal, (desk, containers, { exitCode }) =>
      changeEach(desk, containers, (container) => {
        const path = `${placeOf(container)}/${action}`;
        return desk.warehouse.ask(ContainerOutcomeSchema, 'POST', path, { ...asked(), query: { exitCode } });
      }),
    ),
  );
  const line = action === 'exit' ? 'entrepot containers exit web --exit-code 1' : `entrepot containers ${action} web`;
  withExamples(command, [[line, 'illegal moves are refused (exit code 5)']]);
}
