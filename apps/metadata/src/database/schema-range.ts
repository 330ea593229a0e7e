import type { DataSource, MigrationInterface } from 'typeorm';
import { StartFault } from '#config/start-fault';

/**
 * Expand and contract: programs of two versions work on one database while the later one is rolled out. So what a
 * migration takes away, or forbids, is what no program that is still about uses: it is left unused by one version, and
 * taken away by a later one, whose migration says `narrows`.
 */
export interface SchemaStep extends MigrationInterface {
  readonly name: string;
  /** The programs before this migration cannot work on what it makes. */
  readonly narrows?: true;
}

/** The last thirteen digits of a migration's name. */
export const numberOf = (name: string) => Number(name.slice(-13));

/** The oldest schema whose program can still work after all of these. */
export function oldestReader(steps: readonly SchemaStep[]): number {
  return Math.max(1, ...steps.filter(({ narrows }) => narrows).map(({ name }) => numberOf(name)));
}

/** It is said in the database, for an older program cannot know what later migrations do. */
const SAID = /^programs that know schema (\d+) or later may use it$/;

export async function sayOldestReader(source: DataSource, oldest: number): Promise<void> {
  if ((await readOldestReader(source)) === oldest) return;
  await source.query(`COMMENT ON TABLE migration IS 'programs that know schema ${oldest} or later may use it'`);
}

async function readOldestReader(source: DataSource): Promise<number | undefined> {
  const [row] = await source.query<{ said: string | null }[]>(
    `SELECT obj_description('migration'::regclass, 'pg_class') AS said`,
  );
  const oldest = SAID.exec(row?.said ?? '')?.[1];
  return oldest === undefined ? undefined : Number(oldest);
}

/** Throws StartFault where a program that knows schemas up to `known` must not work on a later one. */
export async function checkReader(source: DataSource, found: string, known: number): Promise<void> {
  const oldest = await readOldestReader(source);
  if (oldest !== undefined && oldest <= known) return;
  const which = oldest === undefined ? '' : `, which programs that know schema ${oldest} or later may use`;
  throw new StartFault(
    `The database has schema ${numberOf(found)} (${found})${which}, and this program knows schemas up to ${known}: ` +
      'start the newer version that wrote it, or restore a backup from before it.',
  );
}
