import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildRecord } from './child-process';
import { processStartTime } from './process-identity';
import { runToEnd } from './run-to-end';
import { startChild } from './start-child';

const shell = (script: string) => ({ name: 'shell', command: '/bin/sh', args: ['-c', script] });
const server = (script: string) => ({
  ...shell(script),
  readyLine: /ready/,
  readyWithinMs: 5_000,
  stopWithinMs: 5_000,
});

describe('a child process', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-child-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('never runs its program when it could not be recorded, and ends at its gate', async () => {
    const marker = join(folder, 'ran');
    const pids: number[] = [];
    const recorder = {
      async spawned(child: ChildRecord) {
        pids.push(child.pid);
        throw new Error('no space left');
      },
      ended: async () => undefined,
    };
    await expect(runToEnd({ ...shell(`touch ${marker}`), recorder })).rejects.toThrow('no space left');
    await gone(pids[0]!);
    await expect(access(marker)).rejects.toThrow('ENOENT');
  });

  it('has the same pid and start time before its program runs and while it does', async () => {
    const recorded: ChildRecord[] = [];
    const recorder = {
      spawned: async (child: ChildRecord) => void recorded.push(child),
      ended: async () => undefined,
    };
    const child = await startChild({ ...server('echo $$ is ready; exec sleep 60'), recorder });
    expect(child.lastLines()).toEqual([`${recorded[0]?.pid} is ready`]);
    expect(processStartTime(child.pid)).toBe(recorded[0]?.startedAt);
    await child.stop();
    expect(processStartTime(child.pid)).toBeUndefined();
  });

  it('is killed when it does not end as asked', async () => {
    const child = await startChild({
      ...server('trap "" TERM; echo ready; while :; do sleep 1; done'),
      stopWithinMs: 50,
    });
    await child.stop();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('says how it ended and what it said, if it ends before it is ready', async () => {
    await expect(startChild(server('echo one; echo two >&2; exit 3'))).rejects.toThrow(
      /^shell ended while starting \(exit code 3\):\n {2}(one\n {2}two|two\n {2}one)$/,
    );
  });

  it('is ended when it is not ready in time', async () => {
    const pids: number[] = [];
    const recorder = {
      spawned: async (child: ChildRecord) => void pids.push(child.pid),
      ended: async () => undefined,
    };
    const started = startChild({ ...server('echo busy; exec sleep 60'), readyWithinMs: 200, recorder });
    await expect(started).rejects.toThrow('shell was not ready within 0.2 s:\n  busy');
    expect(processStartTime(pids[0]!)).toBeUndefined();
  });

  it('leads a process group of its own, so that Ctrl-C in a terminal is not for it', async () => {
    expect(await runToEnd(shell('kill -0 -$$ && echo leads'))).toEqual(['leads']);
  });
});

async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (processStartTime(pid) !== undefined) {
    if (Date.now() > deadline) throw new Error(`${pid} still runs`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
