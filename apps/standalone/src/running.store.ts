import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { durable } from '#config/failpoint';

/** Where the program that holds a data folder answers internal calls, for commands that come while it runs. */
const RunningSchema = z.object({ internalUrl: z.url() });
export type Running = z.output<typeof RunningSchema>;

const pathIn = (folder: string) => join(folder, 'running.json');

export async function recordRunning(folder: string, running: Running): Promise<void> {
  await durable('standalone.record-running', async () => {
    await writeFile(`${pathIn(folder)}.draft`, JSON.stringify({ internalUrl: running.internalUrl }), { mode: 0o600 });
    await rename(`${pathIn(folder)}.draft`, pathIn(folder));
  });
}

export async function readRunning(folder: string): Promise<Running | undefined> {
  const text = await readFile(pathIn(folder), 'utf8').catch(() => 'null');
  return RunningSchema.safeParse(JSON.parse(text)).data;
}

export function forgetRunning(folder: string): Promise<void> {
  return rm(pathIn(folder), { force: true });
}
