import type { Metadata } from './metadata.testing';

/** Every time that decides whether something stays, and when it is looked at. */
const TIMES: Readonly<Record<string, readonly string[]>> = {
  review: ['due_at'],
  pin: ['until'],
  trash: ['until', 'removed_at'],
  lease: ['until'],
  repository_manifest: ['committed_at', 'removed_at'],
  pull_count: ['pulled_at'],
  object: ['purge_after'],
  reporter: ['reported_at', 'leased_until'],
};

/** As if so many milliseconds had passed: whatever was to be then is so much nearer. */
export async function passTime(metadata: Metadata, ms: number): Promise<void> {
  const back = `interval '${ms} milliseconds'`;
  const moves = Object.entries(TIMES).map(
    ([table, columns]) =>
      `UPDATE ${table} SET ${columns.map((column) => `${column} = ${column} - ${back}`).join(', ')}`,
  );
  await metadata.database.read(moves.join('; '));
}
