import type { Expected } from '#contracts/bodies/tag';
import type { Digest } from '#oci/digest';
import { precondition } from '#oci/registry-error';
import type { Sql } from '../database/database';

/** What a tag names now, read after its lock was taken; null where there is no such tag. */
export async function readTagDigest(sql: Sql, repositoryId: number | undefined, name: string): Promise<Digest | null> {
  const [row] = await sql.query<{ digest: Digest }>('SELECT digest FROM tag WHERE repository_id = $1 AND name = $2', [
    repositoryId ?? 0,
    name,
  ]);
  return row?.digest ?? null;
}

/** Nobody overwrites what he has not seen. Throws PRECONDITION where the tag names something else than was expected. */
export function expectTag(name: string, now: Digest | null, expected: Expected | undefined): void {
  if (expected === undefined || isExpected(now, expected)) return;
  throw precondition(`${name} ${now === null ? 'is not there' : `names ${now} now`}`, { names: now });
}

function isExpected(now: Digest | null, expected: Expected): boolean {
  if (expected === 'none') return now === null;
  if (typeof expected === 'object' && 'not' in expected) return now === null || !expected.not.includes(now);
  return now !== null && (expected === 'any' || [expected].flat().includes(now));
}
