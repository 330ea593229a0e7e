import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { durable } from '#config/failpoint';

/** Where the program that holds a data folder answers internal calls, for commands that come while it runs. */
const RunningSchema = z.object({
  internalUrl: z.url(),
  /** The process that wrote it: a killed one leaves it here. An older program says none. */
  pid: z.int().optional(),
});
export type Running = z.output<typeof RunningSchema>;

const pathIn = (folder: string) => join(folder, 'running.json');

export async function recordRunning(folder: string, running: Pick<Running, 'internalUrl'>): Promise<void> {
  await durable('standalone.record-running', async () => {
    await writeFile(`${pathIn(folder)}.draft`, JSON.stringify({ internalUrl: running.internalUrl, pid: process.pid }), {
      mode: 0o600,
    });
    await rename(`${pathIn(folder)}.draft`, pathIn(folder));
  });
}

export async function readRunning(folder: string): Promise<Running | undefined> {
  try {
    return RunningSchema.parse(JSON.parse(await readFile(pathIn(folder), 'utf8')));
  } catch (error) {
    // What cannot be read by us was written by another user's program; what is not ours says nothing.
    if (['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return undefined;
  }
}

export function forgetRunning(folder: string): Promise<void> {
  return rm(pathIn(folder), { force: true });
}
