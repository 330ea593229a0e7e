import {
  type ChildCommand,
  type ChildExit,
  ChildFault,
  describeExit,
  type OpenedChild,
  spawnChild,
} from './child-process';

export interface ServerCommand extends ChildCommand {
  /** The line of its output after which the child serves. */
  readonly readyLine: RegExp;
  readonly readyWithinMs: number;
  /** After this long the child is killed. */
  readonly stopWithinMs: number;
}

/** A server that runs. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Settles when the child has ended, for whatever reason. */
  readonly exited: Promise<ChildExit>;
  /** Settles a little later, when what it said last was read. */
  readonly fellSilent: Promise<void>;
  /** The last lines that the child wrote, oldest first. */
  lastLines(): string[];
  /** Asks the child to end, and kills it when it takes too long. Resolves when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL. Resolves when the child has ended. */
  kill(): Promise<void>;
}

/** Starts a server and resolves when it is ready; throws ChildFault when it does not get there, and then it has ended. */
export async function startChild(spec: ServerCommand): Promise<Child> {
  const opened = await spawnChild(spec);
  const child = serverChild(spec, opened);
  try {
    await readiness(spec, opened);
  } catch (error) {
    await child.kill();
    throw error;
  }
  return child;
}

function serverChild(spec: ServerCommand, opened: OpenedChild): Child {
  const kill = async () => {
    opened.signal('SIGKILL');
    await opened.exited;
  };
  const stop = async () => {
    const timer = setTimeout(() => opened.signal('SIGKILL'), spec.stopWithinMs);
    opened.signal(spec.stopSignal ?? 'SIGTERM');
    await opened.exited;
    clearTimeout(timer);
  };
  const { pid, exited, fellSilent, lastLines } = opened;
  return { name: spec.name, pid, exited, fellSilent, lastLines, kill, stop };
}

async function readiness(spec: ServerCommand, child: OpenedChild): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const ready = new Promise<void>((resolve) => child.onLine((line) => spec.readyLine.test(line) && resolve()));
  const late = new Promise<never>((_, reject) => {
    const text = `${spec.name} was not ready within ${spec.readyWithinMs / 1000} s:`;
    timer = setTimeout(() => reject(new ChildFault(text, child.lastLines())), spec.readyWithinMs);
  });
  child.open();
  try {
    await Promise.race([ready, late, endOf(spec, child)]);
  } finally {
    clearTimeout(timer);
  }
}

async function endOf(spec: ServerCommand, child: OpenedChild): Promise<never> {
  const exit = await child.exited;
  await child.fellSilent;
  throw new ChildFault(`${spec.name} ended while starting (${describeExit(exit)}):`, child.lastLines());
}
