import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildRecord } from '#children/child-process';
import { processStartTime } from '#children/process-identity';
import { runToEnd } from '#children/run-to-end';
import { startChild } from '#children/start-child';
import { Children } from './children';

describe('the children of a data folder', () => {
  let folder: string;
  const processes: ChildProcess[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-children-'));
  });
  afterEach(async () => {
    for (const each of processes.splice(0)) each.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  /** Says a line when it is on, and runs for a minute. */
  async function running(script: string): Promise<ChildProcess> {
    const child = spawn('/bin/sh', ['-c', `${script}; echo on; while :; do sleep 0.05; done`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    processes.push(child);
    await once(child.stdout!, 'data');
    return child;
  }
  const recordOf = (child: ChildProcess, change: Partial<ChildRecord> = {}): ChildRecord => ({
    name: 'postgres',
    pid: child.pid!,
    startedAt: processStartTime(child.pid!)!,
    stopSignal: 'SIGINT',
    ...change,
  });
  const onRecord = async () => JSON.parse(await readFile(join(folder, 'children.json'), 'utf8'));

  it('are on record while they run', async () => {
    const children = new Children(folder);
    const server = await startChild({
      name: 'server',
      command: '/bin/sh',
      args: ['-c', 'echo on; exec sleep 60'],
      readyLine: /on/,
      readyWithinMs: 5_000,
      stopWithinMs: 5_000,
      recorder: children,
    });
    expect(await onRecord()).toEqual([
      { name: 'server', pid: server.pid, startedAt: processStartTime(server.pid), stopSignal: 'SIGTERM' },
    ]);
    await server.stop();
    expect(await onRecord()).toEqual([]);
  });

  it('are ended by the next start when an earlier one was killed', async () => {
    const child = await running('trap "exit 7" INT');
    const record = recordOf(child);
    await new Children(folder).spawned(record);
    const ended = once(child, 'exit');
    expect(await new Children(folder).stopAll()).toEqual([record]);
    expect(await ended).toEqual([7, null]);
    expect(await onRecord()).toEqual([]);
  });

  it('are killed when they do not end as asked', async () => {
    const child = await running('trap "" INT TERM');
    await new Children(folder).spawned(recordOf(child));
    const ended = once(child, 'exit');
    await new Children(folder).stopAll(100);
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  it('are not confused with a process that has the pid of one by now', async () => {
    const child = await running(':');
    await new Children(folder).spawned(recordOf(child, { startedAt: `1${processStartTime(child.pid!)}` }));
    expect(await new Children(folder).stopAll()).toEqual([]);
    expect(processStartTime(child.pid!)).toBeDefined();
    expect(await onRecord()).toEqual([]);
  });

  it('run no more once the end has begun', async () => {
    const children = new Children(folder);
    await children.end();
    const late = runToEnd({ name: 'late', command: 'touch', args: [join(folder, 'ran')], recorder: children });
    await expect(late).rejects.toThrow('late is not started, for the program ends.');
    expect(await readdir(folder)).toEqual(['children.json']);
  });

  it('are never guessed: a record that cannot be read stops the start', async () => {
    await writeFile(join(folder, 'children.json'), '[{"pid":1');
    expect(() => new Children(folder)).toThrow(/children\.json cannot be read, so it is not known whether/);
  });

  it('that are on record in a file of another user are not forgotten: it says whose the file is', async () => {
    await writeFile(join(folder, 'children.json'), '[]');
    const error = Object.assign(new Error('EACCES'), { code: 'EACCES', path: join(folder, 'children.json') });
    const read = jest.spyOn(fs, 'readFileSync').mockImplementation(() => {
      throw error;
    });
    expect(() => new Children(folder)).toThrow(`this user may not write to ${join(folder, 'children.json')}`);
    read.mockRestore();
  });
});
