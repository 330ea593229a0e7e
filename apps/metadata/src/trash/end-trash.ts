import type { Sql } from '../database/database';
import { NAMELESS_TREE } from '../image/release-image';

const END = `UPDATE trash SET ended_as = 'gone', ended_at = clock_timestamp()`;

/** Nothing of this image can be brought back there any more; what became of it can still be told. */
export async function endTrash(sql: Sql, repositoryId: number, digest: string): Promise<void> {
  await sql.query(`${END} WHERE repository_id = $1 AND keeps = $2`, [repositoryId, digest]);
}

/** Nor anything that it lists, or that refers to it, and that has no name of its own. */
export async function endTrashBelow(sql: Sql, repositoryId: number, digest: string): Promise<void> {
  await sql.query(`${NAMELESS_TREE} ${END} WHERE repository_id = $1 AND keeps IN (SELECT digest FROM below)`, [
    repositoryId,
    [digest],
  ]);
}
