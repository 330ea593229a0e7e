import { type RunningPostgres, startPostgres } from '#children/postgres';
import type { Children } from './children';
import type { DataFolder } from './data-folder';
import type { StartSteps } from './start-steps';

/** Postgres on the data folder, at any free port: nobody but this program needs to know it. */
export function startPostgresChild(
  folder: DataFolder,
  children: Children,
  steps: StartSteps,
): Promise<RunningPostgres> {
  return steps.step(
    'postgres',
    () => startPostgres({ folder: folder.postgres, recorder: children }),
    ({ created }) => (created ? 'created and started' : 'started'),
  );
}
