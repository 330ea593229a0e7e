import type { Sql } from '../database/database';

/** An upload ended: if it lies under more than one key, it is to become one. Where pieces have no keys it is one already. */
export async function queueComposing(sql: Sql, object: string): Promise<void> {
  await sql.query(
    `INSERT INTO composing (source_id) SELECT object_id FROM extent WHERE object_id = $1 AND key IS NOT NULL
      GROUP BY object_id HAVING count(*) > 1 ON CONFLICT DO NOTHING`,
    [object],
  );
}
