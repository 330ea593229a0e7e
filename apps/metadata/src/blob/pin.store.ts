import type { Sql } from '../database/database';

export interface Pinned {
  readonly repositoryId: number;
  readonly digest: string;
}

/**
 * Says "it exists" and means it: until then nothing of it goes. The caller has locked the rows (FOR KEY SHARE), so that
 * whoever would take them away reads this pin after. A pin only grows, and is written only if it would grow by
 * `writeMs`: at most hourly, however often it is asked for.
 */
export async function writePins(
  sql: Sql,
  kind: 'blob' | 'manifest',
  pins: readonly Pinned[],
  { pinMs, writeMs }: { pinMs: number; writeMs: number },
): Promise<void> {
  if (pins.length === 0) return;
  await sql.query(
    `INSERT INTO pin (kind, repository_id, digest, until)
      SELECT DISTINCT $1, repository_id, digest, now() + $4 * interval '1 millisecond'
      FROM unnest($2::bigint[], $3::text[]) AS pinned (repository_id, digest) ORDER BY digest, repository_id
      ON CONFLICT (kind, digest, repository_id) DO UPDATE SET until = GREATEST(pin.until, EXCLUDED.until)
        WHERE pin.until < EXCLUDED.until - $5 * interval '1 millisecond'`,
    [kind, pins.map((pin) => pin.repositoryId), pins.map((pin) => pin.digest), pinMs, writeMs],
  );
}
