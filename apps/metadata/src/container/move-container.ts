import { CONTAINER_STATES, type ContainerAction, type ContainerState } from '#contracts/bodies/container';
import { conflict, invalidField } from '#oci/registry-error';

interface Move {
  readonly from: readonly ContainerState[];
  readonly to: ContainerState;
  /** Where this action ends a process: its exit code, unless another one is said. */
  readonly exitCode?: number;
}

/** What a signal ends a process with: 128 and its number, here SIGKILL's. */
const KILLED = 137;

/** Every legal move. A dead container only goes. */
export const MOVES: Readonly<Record<ContainerAction, Move>> = {
  start: { from: ['created', 'exited'], to: 'running' },
  restart: { from: ['created', 'running', 'exited'], to: 'running' },
  pause: { from: ['running'], to: 'paused' },
  unpause: { from: ['paused'], to: 'running' },
  exit: { from: ['running', 'paused'], to: 'exited', exitCode: 0 },
  kill: { from: ['running', 'paused'], to: 'exited', exitCode: KILLED },
  die: { from: ['created', 'running', 'paused', 'exited'], to: 'dead' },
};

/** Containers that have a process: they are removed by force only, and never pruned. */
export const ALIVE: readonly ContainerState[] = ['running', 'paused'];
export const STOPPED = CONTAINER_STATES.filter((state) => !ALIVE.includes(state));

export interface Moved {
  readonly state: ContainerState;
  /** Absent where the last one holds. */
  readonly exitCode?: number;
  readonly starts: boolean;
  readonly ends: boolean;
}

/** Throws CONFLICT for an illegal move, INVALID for an exit code where nothing exits. */
export function moveContainer(state: ContainerState, action: ContainerAction, exitCode?: number): Moved {
  const move = MOVES[action];
  if (exitCode !== undefined && move.exitCode === undefined) {
    throw invalidField('exitCode', `goes with exit and kill only, not with ${action}`);
  }
  if (!move.from.includes(state)) {
    const allowed = Object.entries(MOVES).flatMap(([name, { from }]) => (from.includes(state) ? [name] : []));
    const rule = allowed.length === 0 ? 'it can only be removed' : `possible are ${allowed.join(', ')}`;
    throw conflict(`the container is ${state}, and so cannot ${action}: ${rule}`, { state, allowed });
  }
  const code = exitCode ?? move.exitCode;
  return {
    state: move.to,
    ...(code === undefined ? {} : { exitCode: code }),
    starts: action === 'start' || action === 'restart',
    ends: ALIVE.includes(state) && !ALIVE.includes(move.to),
  };
}
