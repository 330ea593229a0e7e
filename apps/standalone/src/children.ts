import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { ChildRecord, ChildRecorder } from '#children/child-process';
import { processStartTime } from '#children/process-identity';
import { explainFolderFault } from '#config/explain-folder-fault';
import { durable } from '#config/failpoint';
import { StartFault } from '#config/start-fault';

const RecordsSchema = z.array(
  z.object({
    name: z.string(),
    pid: z.int().positive(),
    startedAt: z.string(),
    stopSignal: z.string().transform((signal) => signal as NodeJS.Signals),
  }),
);

const STOP_WITHIN_MS = 15_000;
const POLL_MS = 20;

/**
 * The children of a data folder, on record there from before their programs run until they have ended. A killed start
 * leaves its children running, and a second nats-server would write into the first one's store without complaint.
 * Whoever calls holds the folder's lock.
 */
export class Children implements ChildRecorder {
  private readonly path: string;
  private records: ChildRecord[];
  private over = false;
  private writing: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.path = join(folder, 'children.json');
    this.records = readRecords(this.path);
  }

  async spawned(child: ChildRecord): Promise<void> {
    if (this.over) throw new StartFault(`${child.name} is not started, for the program ends.`);
    this.records.push(child);
    await this.write();
    if (this.over) throw new StartFault(`${child.name} is not started, for the program ends.`);
  }

  async ended(child: ChildRecord): Promise<void> {
    this.records = this.records.filter((record) => record !== child);
    // A record too many does no harm: the process it names has ended.
    await this.write().catch(() => undefined);
  }

  /**
   * Stops all that still live, and resolves when they have ended; gives those it found. A process is only touched when
   * both its pid and its start time are on record.
   */
  async stopAll(withinMs = STOP_WITHIN_MS): Promise<ChildRecord[]> {
    const found = this.records.filter(isAlive);
    await Promise.all(found.map((child) => stop(child, withinMs)));
    this.records = this.records.filter((record) => !found.includes(record) && isAlive(record));
    await this.write();
    return found;
  }

  /** Stops all, and lets none run that a start still under way would spawn. */
  async end(): Promise<void> {
    this.over = true;
    await this.stopAll();
  }

  /** Writes what is on record now, after every earlier writing. */
  private write(): Promise<void> {
    this.writing = this.writing
      .catch(() => undefined)
      .then(() => durable('standalone.record-children', () => writeRecords(this.path, this.records)));
    return this.writing;
  }
}

async function writeRecords(path: string, records: readonly ChildRecord[]): Promise<void> {
  await writeFile(`${path}.draft`, `${JSON.stringify(records, null, 1)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.draft`, path);
}

function readRecords(path: string): ChildRecord[] {
  try {
    return RecordsSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code !== undefined) throw explainFolderFault('ENTREPOT_DATA', dirname(path), error);
    throw new StartFault(
      `${path} cannot be read, so it is not known whether an earlier postgres or nats-server of this folder still runs. ` +
        'When none does, remove that file and start again.',
    );
  }
}

const isAlive = (child: ChildRecord) => child.startedAt !== '' && processStartTime(child.pid) === child.startedAt;

async function stop(child: ChildRecord, withinMs: number): Promise<void> {
  for (const signal of [child.stopSignal, 'SIGKILL'] as const) {
    send(child, signal);
    const deadline = Date.now() + withinMs;
    while (isAlive(child) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (!isAlive(child)) return;
  }
  throw new StartFault(`${child.name} (process ${child.pid}) of an earlier start still runs, and does not end.`);
}

function send(child: ChildRecord, signal: NodeJS.Signals): void {
  try {
    if (isAlive(child)) process.kill(child.pid, signal);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return;
    throw new StartFault(
      `${child.name} (process ${child.pid}) of an earlier start still runs, and cannot be ended by this user: ${message}`,
    );
  }
}
