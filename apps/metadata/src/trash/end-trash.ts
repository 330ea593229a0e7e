import type { Sql } from '../database/database';

/** Nothing of this image can be brought back there any more; what became of it can still be told. */
export async function endTrash(sql: Sql, repositoryId: number, digest: string): Promise<void> {
  await sql.query(
    `UPDATE trash SET ended_as = 'gone', ended_at = clock_timestamp() WHERE repository_id = $1 AND keeps = $2`,
    [repositoryId, digest],
  );
}
