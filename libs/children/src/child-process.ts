import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { StartFault } from '#config/start-fault';
import { processStartTime } from './process-identity';

export interface ChildRecord {
  readonly name: string;
  readonly pid: number;
  /** See processStartTime. */
  readonly startedAt: string;
  /** What asks it to end. */
  readonly stopSignal: NodeJS.Signals;
}

/** Told of every child before its program runs and after it has ended, so that a later start can find what is left. */
export interface ChildRecorder {
  /** The program runs when this has resolved, and never when it rejects. */
  spawned(child: ChildRecord): Promise<void>;
  ended(child: ChildRecord): Promise<void>;
}

export interface ChildUser {
  readonly uid: number;
  readonly gid: number;
}

export interface ChildCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly user?: ChildUser | undefined;
  /** What asks it to end; SIGTERM unless it is told otherwise. */
  readonly stopSignal?: NodeJS.Signals;
  readonly recorder?: ChildRecorder | undefined;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that waits at its gate. */
export interface OpenedChild {
  readonly pid: number;
  /** Settles when the child has ended, for whatever reason, and that is on record. */
  readonly exited: Promise<ChildExit>;
  /** Settles when the child has ended and what it said was read; its own children may hold its output a little longer. */
  readonly fellSilent: Promise<void>;
  /** Lets the program run, with this input. */
  open(input?: string): void;
  signal(signal: NodeJS.Signals): void;
  onLine(listener: (line: string) => void): void;
  /** The last lines that the child wrote, oldest first. */
  lastLines(): string[];
}

/** The child ended, or did not become ready in time. `lines` is what it said last. */
export class ChildFault extends StartFault {
  constructor(
    message: string,
    readonly lines: readonly string[],
  ) {
    super([message, ...lines.slice(-8).map((line) => `  ${line}`)].join('\n'));
  }
}

const KEPT_LINES = 50;
const SILENCE_WITHIN_MS = 500;

/**
 * The child waits at this gate until it has been recorded: it runs its program only when it has read a line, and ends
 * when its parent does before that. So no program ever runs that a later start would not find. Pid and start time
 * stay the same over exec.
 */
const GATE = 'read -r go && exec "$@"';

/** Spawns a child in a process group of its own, for Ctrl-C is for its parent, and records it. */
export async function spawnChild(spec: ChildCommand): Promise<OpenedChild> {
  const child = spawn('/bin/sh', ['-c', GATE, 'sh', spec.command, ...spec.args], {
    detached: true,
    env: { PATH: process.env.PATH, ...spec.env },
    ...(spec.cwd && { cwd: spec.cwd }),
    ...(spec.user && { uid: spec.user.uid, gid: spec.user.gid }),
  });
  child.stdin.on('error', () => undefined);
  await once(child, 'spawn').catch((error: Error) => {
    throw new StartFault(`${spec.name} could not be started: ${error.message}`);
  });
  const ended = endOf(child);
  const fellSilent = silenceOf(child);
  const recorded = await record(spec, child);
  const exited = ended.then(async (exit) => {
    await spec.recorder?.ended(recorded);
    return exit;
  });
  const lines: string[] = [];
  const onLine = (listener: (line: string) => void) => {
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', listener);
  };
  onLine((line) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  });
  return {
    pid: child.pid ?? 0,
    exited,
    fellSilent,
    open: (input = '') => child.stdin.end(`go\n${input}`),
    signal: (signal) => child.kill(signal),
    onLine,
    lastLines: () => [...lines],
  };
}

/** Records the child before its program runs; one that could not be recorded ends at its gate. */
async function record(spec: ChildCommand, child: ChildProcess): Promise<ChildRecord> {
  const pid = child.pid ?? 0;
  const { name, stopSignal = 'SIGTERM' } = spec;
  const recorded = { name, pid, startedAt: processStartTime(pid) ?? '', stopSignal };
  try {
    await spec.recorder?.spawned(recorded);
  } catch (error) {
    child.stdin?.end();
    throw error;
  }
  return recorded;
}

function endOf(child: ChildProcess): Promise<ChildExit> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

function silenceOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => setTimeout(resolve, SILENCE_WITHIN_MS).unref());
    child.once('close', () => resolve());
  });
}

/** `exit code 1`, `signal SIGKILL` */
export function describeExit(exit: ChildExit): string {
  return exit.signal ? `signal ${exit.signal}` : `exit code ${exit.code}`;
}
