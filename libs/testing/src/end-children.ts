import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { processStartTime } from '#children/process-identity';
import { eventually } from './eventually';

export interface LivingChild {
  readonly name: string;
  readonly pid: number;
}

interface Recorded extends LivingChild {
  readonly startedAt: string;
}

/** The children on record in a data folder that live: the same pid, started at the same time. */
export function livingChildren(data: string): LivingChild[] {
  let records: Recorded[];
  try {
    records = JSON.parse(readFileSync(join(data, 'children.json'), 'utf8')) as Recorded[];
  } catch {
    return [];
  }
  return records.filter(({ pid, startedAt }) => startedAt !== '' && processStartTime(pid) === startedAt);
}

/** Ends what a killed program left behind. Postgres goes by SIGQUIT, which takes its workers along. */
export async function endChildren(data: string): Promise<void> {
  for (const { name, pid } of livingChildren(data)) {
    process.kill(pid, name === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
  }
  await eventually('the children of a data folder end', async () => livingChildren(data).length === 0);
}
