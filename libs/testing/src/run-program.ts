import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ProgramExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Finished extends ProgramExit {
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Instead of this process' environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  readonly withinMs?: number;
}

/** Runs a program to its end, whatever that is; killed when it takes too long. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Finished> {
  const program = new RunningProgram(command, args, options);
  const timer = setTimeout(() => program.signal('SIGKILL'), options.withinMs ?? 120_000);
  const exit = await program.exited;
  clearTimeout(timer);
  return { ...exit, stdout: program.stdout, stderr: program.stderr };
}

/** Runs a program that must succeed, and gives what it said. */
export async function runWell(command: string, args: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const { code, signal, stdout, stderr } = await runProgram(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}:\n${stdout}${stderr}`);
  return stdout;
}

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** A program that runs, and what it has said so far. */
export class RunningProgram {
  readonly exited: Promise<ProgramExit>;
  readonly pid: number;
  stdout = '';
  stderr = '';
  private readonly child: ChildProcess;
  private readonly listeners = new Set<() => void>();
  private isOver = false;

  constructor(
    readonly command: string,
    args: readonly string[],
    options: ProgramOptions = {},
  ) {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env });
    this.child = child;
    this.pid = child.pid ?? 0;
    alive.add(child);
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.hear({ stdout: text }));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.hear({ stderr: text }));
    this.exited = this.untilOver(child);
  }

  get over(): boolean {
    return this.isOver;
  }

  get log(): string {
    return this.stdout + this.stderr;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until `wanted` holds of what it said; throws when the program ends before, or in time does not say it. */
  async says(wanted: RegExp, withinMs = 60_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const match = wanted.exec(this.log);
      if (match) return match;
      if (this.isOver) throw new Error(`${this.command} ended before it said ${wanted}:\n${this.log}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${this.command} did not say ${wanted} within ${withinMs} ms:\n${this.log}`);
      await this.news(left);
    }
  }

  /** Asks it to end, kills it when it takes too long, and gives how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', withinMs = 20_000): Promise<ProgramExit> {
    const timer = setTimeout(() => this.signal('SIGKILL'), withinMs);
    this.signal(signal);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  private hear({ stdout = '', stderr = '' }): void {
    this.stdout += stdout;
    this.stderr += stderr;
    for (const listener of this.listeners) listener();
  }

  private news(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.listeners.delete(done);
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      this.listeners.add(done);
    });
  }

  private async untilOver(child: ChildProcess): Promise<ProgramExit> {
    // `close` waits for whoever inherited its output; a program that was killed is over when it has ended.
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const [code, signal] = await ended.catch((error: Error): [null, null] => {
      this.stderr += error.message;
      return [null, null];
    });
    await Promise.race([once(child, 'close'), new Promise((resolve) => setTimeout(resolve, 500))]);
    alive.delete(child);
    this.isOver = true;
    for (const listener of this.listeners) listener();
    return { code, signal };
  }
}
