import type { OperationKind, OperationState } from '#contracts/operation';
import type { Principal } from '#contracts/principal';
import { invalidField } from '#oci/registry-error';
import type { Database } from '../database/database';
import type { OperationRow } from './operation-rows';

export interface OperationFilter {
  readonly principal: Principal;
  readonly kind?: OperationKind | undefined;
  readonly state?: OperationState | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** One page, newest first; `next` is the cursor of the one after it. Throws INVALID for a cursor of another making. */
export async function readOperationPage(
  database: Pick<Database, 'read'>,
  { principal, kind, state, after, limit }: OperationFilter,
): Promise<{ rows: OperationRow[]; next: string | null }> {
  const cursor = after === undefined ? null : readCursor(after);
  const rows = await database.read<OperationRow & { at: string }>(LIST, [
    principal,
    kind ?? null,
    state ?? null,
    cursor?.at ?? null,
    cursor?.id ?? null,
    limit + 1,
  ]);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { rows: page, next: last ? `${last.at}.${last.id}` : null };
}

/** Microseconds since 1970, as text: what the cursor carries, since a Date would lose the last three digits. */
const LIST = `
  SELECT *, (extract(epoch FROM accepted_at) * 1000000)::bigint::text AS at FROM operation
  WHERE principal = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR state = $3)
    AND ($4::bigint IS NULL
      OR (accepted_at, id) < (timestamptz 'epoch' + $4::bigint * interval '1 microsecond', $5::uuid))
  ORDER BY accepted_at DESC, id DESC LIMIT $6`;

function readCursor(text: string): { at: string; id: string } {
  const [, at, id] = /^(\d{1,18})\.([0-9a-f-]{36})$/.exec(text) ?? [];
  if (at === undefined || id === undefined) throw invalidField('after', 'must be the `next` of the page before');
  return { at, id };
}
