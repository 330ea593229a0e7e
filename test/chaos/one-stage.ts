import { throughRunning } from '#apps/standalone/src/running-program';
import { livingChildren } from '#testing/end-children';
import { Entrepot } from '#testing/entrepot';
import { KILLED, LONGER_THAN_LEASES, type Misfortune } from './misfortune';
import { SETTINGS, type Stage, tail } from './stage';

const CHILDREN = ['postgres', 'nats-server'] as const;

/** One process with its children: it ends when one of them does, and is started again as a service manager would. */
export async function startOne(): Promise<Stage> {
  const entrepot = await Entrepot.start(SETTINGS);
  let isDown = false;
  let isOver = false;
  const watch = () => {
    isOver = false;
    void entrepot.exited.then(() => {
      isOver = true;
    });
  };
  const revive = async () => {
    entrepot.relaunch();
    watch();
    isDown = false;
  };
  const kill = async () => {
    isDown = true;
    await entrepot.kill9();
  };
  /** Nothing, where it has just ended with one of its children. */
  const stands = (signal: NodeJS.Signals) => async () => {
    if (!isOver && !isDown) process.kill(entrepot.pid, signal);
  };
  const children = CHILDREN.map((name): [string, Misfortune] => {
    const begin = async () => {
      const child = livingChildren(entrepot.data).find((each) => each.name === name);
      if (child) process.kill(child.pid, 'SIGKILL');
    };
    return [`${name} is killed`, { ...KILLED, begin, end: async () => undefined }];
  });
  watch();
  return {
    warehouse: entrepot,
    urls: [entrepot.url],
    misfortunes: new Map<string, Misfortune>([
      ['the program is killed', { ...KILLED, begin: kill, end: revive }],
      ...children,
      ['the program stands still', { ...LONGER_THAN_LEASES, begin: stands('SIGSTOP'), end: stands('SIGCONT') }],
    ]),
    ended: () => (isOver && !isDown ? ['the program'] : []),
    revive,
    call: (run) => throughRunning(entrepot.data, run),
    lastLines: () => tail(entrepot.log),
    stop: () => entrepot.destroy(),
  };
}
