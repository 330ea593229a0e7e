import { CONTAINER_ACTIONS, CONTAINER_STATES, type ContainerState } from '#contracts/bodies/container';
import { moveContainer } from './move-container';

/** What each action makes of each state; nothing where it is illegal. */
const TABLE: Readonly<Record<(typeof CONTAINER_ACTIONS)[number], Partial<Record<ContainerState, ContainerState>>>> = {
  start: { created: 'running', exited: 'running' },
  restart: { created: 'running', running: 'running', exited: 'running' },
  pause: { running: 'paused' },
  unpause: { paused: 'running' },
  exit: { running: 'exited', paused: 'exited' },
  kill: { running: 'exited', paused: 'exited' },
  die: { created: 'dead', running: 'dead', paused: 'dead', exited: 'dead' },
};

const cases = CONTAINER_ACTIONS.flatMap((action) => CONTAINER_STATES.map((state) => [action, state] as const));

it.each(cases)('%s of one that is %s', (action, state) => {
  const moved = () => moveContainer(state, action);
  const expected = TABLE[action][state];
  if (expected) expect(moved().state).toBe(expected);
  else expect(moved).toThrow(`is ${state}, and so cannot ${action}`);
});

it('says when a process begins and ends, and with what code', () => {
  expect(moveContainer('created', 'start')).toEqual({ state: 'running', starts: true, ends: false });
  expect(moveContainer('running', 'exit')).toEqual({ state: 'exited', exitCode: 0, starts: false, ends: true });
  expect(moveContainer('paused', 'kill', 143)).toEqual({ state: 'exited', exitCode: 143, starts: false, ends: true });
  expect(moveContainer('exited', 'die')).toEqual({ state: 'dead', starts: false, ends: false });
});
